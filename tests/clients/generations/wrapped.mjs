// @orq-ai/node 4.11 and 4.12: wrapped identities whose metadata is lost on the way,
// budgets in snake_case with their consumption, keys in pages.

import { Orq } from "@orq-ai/node";
import { apiKey, refused, say, serverURL, spent, user } from "./said.mjs";

const PROFILE = {
  displayName: "Jane Doe",
  email: "jane@example.com",
  avatarUrl: "https://example.com/jane.jpg",
  tags: [user, "b c"],
};
const scope = { identity: { identityExternalId: user } };
const limits = { period: "BUDGET_PERIOD_MONTHLY", amount: 5, tokenLimit: 1000 };
const messages = [{ role: "user", content: "Hello" }];
const as = (identity) => ({
  fetchOptions: { headers: { "X-ORQ-IDENTITY-ID": identity } },
});
const orq = new Orq({ apiKey, serverURL });
const names = (page) => page.data.map((each) => each.externalId);
const chat = (client, options) =>
  client.router.chat.completions.create({ model: "orq/echo", messages }, options);

const created = () => orq.identities.create({ externalId: user, ...PROFILE });

const again = () => refused(() => orq.identities.create({ externalId: user }));

async function called() {
  const identity = { id: `${user}-body`, displayName: "Body", metadata: [{ a: 1 }] };
  await orq.deployments.invoke({ key: "demo", identity });
  return {
    invoked: await orq.deployments.invoke({ key: "demo" }, as(user)),
    said: await chat(orq, as(user)),
    body: (await orq.identities.retrieve({ id: `${user}-body` })).identity,
  };
}

async function budgets() {
  const made = (await orq.budgets.create({ scope, limits })).budget;
  const { budgetId } = made;
  const got = await orq.budgets.get({ budgetId });
  const listed = await orq.budgets.list({
    scopeKind: ["BUDGET_SCOPE_KIND_IDENTITY"],
    scopeTargetId: user,
    period: ["BUDGET_PERIOD_MONTHLY"],
    isActive: true,
  });
  const consumption = await orq.budgets.getConsumption({ budgetId });
  const less = { period: "BUDGET_PERIOD_WEEKLY", amount: 0.5 };
  const updateBudgetRequest = { limits: less };
  const changed = await orq.budgets.update({ budgetId, updateBudgetRequest });
  const resetBudgetConsumptionRequest = {};
  await orq.budgets.resetConsumption({ budgetId, resetBudgetConsumptionRequest });
  return {
    made,
    again: await refused(() => orq.budgets.create({ scope, limits })),
    got,
    listed,
    consumption,
    changed,
    reset: await orq.budgets.getConsumption({ budgetId }),
    embedded: await orq.identities.retrieve({ id: user, includeBudget: true }),
    gone: await orq.budgets.delete({ budgetId }),
    get: await refused(() => orq.budgets.get({ budgetId })),
  };
}

async function found() {
  const id = (await orq.identities.retrieve({ id: user })).identity.id;
  const includeMetrics = true;
  return [
    await orq.identities.retrieve({ id: user, includeMetrics }),
    await orq.identities.retrieve({ id, includeMetrics }),
  ];
}

async function listed() {
  const both = { filterByTags: [user, "b c"] };
  return {
    plain: await orq.identities.list(both),
    metrics: await orq.identities.list({ ...both, includeMetrics: true }),
    nobody: await orq.identities.list({ filterByTags: ["nobody has it"] }),
  };
}

async function paged() {
  for (const number of [0, 1, 2]) {
    const tags = [`${user}-page`];
    await orq.identities.create({ externalId: `${user}-${number}`, tags });
  }
  const query = { limit: 2, filterByTags: [`${user}-page`] };
  const first = await orq.identities.list(query);
  const startingAfter = first.data.at(-1).id;
  const rest = await orq.identities.list({ ...query, startingAfter });
  const endingBefore = rest.data[0].id;
  const back = await orq.identities.list({ ...query, endingBefore });
  return [first, rest, back].map((page) => [names(page), page.hasMore]);
}

async function updated() {
  const changes = { email: "", tags: [], metadata: { lost: true } };
  const rename = { displayName: "New", metadata: { lost: true } };
  return [
    await orq.identities.update({ id: user, updateIdentityRequest: changes }),
    await orq.identities.update({ id: `${user}-body`, updateIdentityRequest: rename }),
  ];
}

async function odd() {
  const said = [];
  for (const rest of ["/team a", " é 50%", ":b@c", "?q#h"]) {
    const externalId = `${user}${rest}`;
    await orq.identities.create({ externalId });
    const updateIdentityRequest = { displayName: "Odd" };
    await orq.identities.update({ id: externalId, updateIdentityRequest });
    const { identity } = await orq.identities.retrieve({ id: externalId });
    await orq.identities.delete({ id: externalId });
    said.push([identity.externalId === externalId, identity.displayName]);
  }
  return said;
}

async function keys() {
  const made = await orq.apiKeys.create({ name: `key ${user}` });
  const { apiKeyId } = made.apiKey;
  const client = new Orq({ apiKey: made.token, serverURL });
  const answer = await client.deployments.invoke({ key: "demo" });
  const updateApiKeyRequest = { name: `new ${user}` };
  const renamed = await orq.apiKeys.update({ apiKeyId, updateApiKeyRequest });
  const page = await orq.apiKeys.list({ limit: 200 });
  return {
    made,
    called: answer.object,
    renamed,
    page: [page.object, page.hasMore],
    listed: page.data.filter((each) => each.apiKeyId === apiKeyId),
    got: await orq.apiKeys.get({ apiKeyId }),
    gone: await orq.apiKeys.delete({ apiKeyId }),
    get: await refused(() => orq.apiKeys.get({ apiKeyId })),
  };
}

const capabilities = () => orq.apiKeys.listCapabilities();

const reported = () =>
  orq.reporting.query({
    metric: "genai.cost",
    from: new Date(Date.now() - 86_400_000),
    to: new Date(Date.now() + 60_000),
    grain: "day",
    groupBy: ["identity"],
    filters: [{ field: "identity", op: "eq", values: [user] }],
    includeTotals: true,
  });

async function deleted() {
  const updateIdentityRequest = { tags: [] };
  const update = () => orq.identities.update({ id: user, updateIdentityRequest });
  return {
    answer: await orq.identities.delete({ id: user }),
    retrieve: await refused(() => orq.identities.retrieve({ id: user })),
    update: await refused(update),
    delete: await refused(() => orq.identities.delete({ id: user })),
  };
}

async function errors() {
  const stranger = new Orq({ apiKey: "sk-wrong", serverURL });
  const wrong = { externalId: `${user}-x`, email: "no address" };
  const invoke = (client, key, options) =>
    refused(() => client.deployments.invoke({ key }, options));
  return {
    key: await refused(() => stranger.identities.list({})),
    key_of_budgets: await refused(() => stranger.budgets.list({})),
    key_of_a_call: await invoke(stranger, "demo"),
    key_of_a_chat: await refused(() => chat(stranger)),
    email: await refused(() => orq.identities.create(wrong)),
    limit: await refused(() => orq.identities.list({ limit: 500 })),
    deployment: await invoke(orq, "nothing"),
    spent: await invoke(orq, "demo", as(spent)),
    spent_chat: await refused(() => chat(orq, as(spent))),
  };
}

await say(
  created,
  again,
  called,
  budgets,
  found,
  listed,
  paged,
  updated,
  odd,
  keys,
  capabilities,
  reported,
  deleted,
  errors,
);
