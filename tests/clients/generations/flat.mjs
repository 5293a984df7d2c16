// @orq-ai/node 4.2 to 4.9: flat identities, contacts that are created or updated.

import { Orq } from "@orq-ai/node";
import { apiKey, refused, say, serverURL, spent, user } from "./said.mjs";

const PROFILE = {
  displayName: "Jane Doe",
  email: "jane@example.com",
  avatarUrl: "https://example.com/jane.jpg",
  tags: [user, "b c"],
  metadata: { role: "admin", since: { year: 2024 } },
};
const orq = new Orq({ apiKey, serverURL });
const asUser = new Orq({ apiKey, serverURL, contactId: user, environment: "production" });
const names = (page) => page.data.map((each) => each.externalId);

const created = () => orq.identities.create({ externalId: user, ...PROFILE });

const again = () => refused(() => orq.identities.create({ externalId: user }));

async function found() {
  const first = await orq.identities.retrieve({ id: user });
  return [first, await orq.identities.retrieve({ id: first.id })];
}

async function invoked() {
  const identity = { id: `${user}-body`, displayName: "Body" };
  return [
    await asUser.deployments.invoke({ key: "demo" }),
    await orq.deployments.invoke({ key: "demo", identity }),
    await orq.identities.retrieve({ id: `${user}-body` }),
  ];
}

const chatted = () =>
  orq.router.chat.completions.create({
    model: "orq/echo",
    messages: [{ role: "user", content: "Hello" }],
  });

async function listed() {
  const filterBy = { tags: [user, "b c"] };
  return {
    plain: await orq.identities.list({ filterBy }),
    metrics: await orq.identities.list({ filterBy, includeMetrics: true }),
    search: await orq.identities.list({ filterBy, search: "JANE D" }),
    nobody: await orq.identities.list({ filterBy: { tags: ["nobody has it"] } }),
    whole: (await orq.identities.list({ limit: 50 })).data.length,
  };
}

async function paged() {
  for (const number of [0, 1, 2]) {
    const tags = [`${user}-page`];
    await orq.identities.create({ externalId: `${user}-${number}`, tags });
  }
  const query = { limit: 2, filterBy: { tags: [`${user}-page`] } };
  const first = await orq.identities.list(query);
  const startingAfter = first.data.at(-1).id;
  const rest = await orq.identities.list({ ...query, startingAfter });
  const endingBefore = rest.data[0].id;
  const back = await orq.identities.list({ ...query, endingBefore });
  return [first, rest, back].map((page) => [names(page), page.hasMore]);
}

const updated = () =>
  orq.identities.update({
    id: user,
    requestBody: {
      displayName: null,
      email: null,
      tags: [],
      metadata: { role: "guest" },
    },
  });

async function odd() {
  const said = [];
  for (const rest of ["/team a", " é 50%", ":b@c", "?q#h"]) {
    const externalId = `${user}${rest}`;
    await orq.identities.create({ externalId });
    const requestBody = { displayName: "Odd" };
    await orq.identities.update({ id: externalId, requestBody });
    const identity = await orq.identities.retrieve({ id: externalId });
    const gone = (await orq.identities.delete({ id: externalId })) ?? null;
    said.push([identity.externalId === externalId, identity.displayName, gone]);
  }
  return said;
}

async function contacts() {
  const facts = { externalId: `${user}-contact`, displayName: "Jo" };
  return [
    await orq.contacts.create({ ...facts, tags: ["x"] }),
    await orq.contacts.create({ ...facts, displayName: "Joanna" }),
  ];
}

async function deleted() {
  const requestBody = { tags: [] };
  return {
    answer: (await orq.identities.delete({ id: user })) ?? null,
    retrieve: await refused(() => orq.identities.retrieve({ id: user })),
    update: await refused(() => orq.identities.update({ id: user, requestBody })),
    delete: await refused(() => orq.identities.delete({ id: user })),
  };
}

async function errors() {
  const stranger = new Orq({ apiKey: "sk-wrong", serverURL });
  const asSpent = new Orq({ apiKey, serverURL, contactId: spent });
  const wrong = { externalId: `${user}-x`, email: "no address" };
  return {
    key: await refused(() => stranger.identities.list({})),
    key_of_a_call: await refused(() => stranger.deployments.invoke({ key: "demo" })),
    email: await refused(() => orq.identities.create(wrong)),
    limit: await refused(() => orq.identities.list({ limit: 500 })),
    deployment: await refused(() => orq.deployments.invoke({ key: "nothing" })),
    spent: await refused(() => asSpent.deployments.invoke({ key: "demo" })),
  };
}

await say(
  created,
  again,
  found,
  invoked,
  chatted,
  listed,
  paged,
  updated,
  odd,
  contacts,
  deleted,
  errors,
);
