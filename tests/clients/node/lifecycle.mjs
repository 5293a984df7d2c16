// @orq-ai/node, unmodified: one case per run, named by the first argument.
//
// node lifecycle.mjs identities|budgets|kinds|calls|keys|reports|refusal|errors
//
// ORQ_URL, ORQ_KEY and ORQ_USER (an external_id nothing else uses) come from the
// environment. A case that does not hold ends with exit code 1 and says where.

import assert from "node:assert/strict";
import { Orq } from "@orq-ai/node";
import { APIError } from "@orq-ai/node/models/errors/apierror.js";

const { ORQ_URL: serverURL, ORQ_KEY: apiKey, ORQ_USER: user } = process.env;
const orq = new Orq({ apiKey, serverURL });
const ULID = /^[0-9A-HJKMNP-TV-Z]{26}$/;
const INSTANT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;
const scope = { identity: { identityExternalId: user } };
const messages = [{ role: "user", content: "Hello" }];

const asUser = { fetchOptions: { headers: { "X-ORQ-IDENTITY-ID": user } } };
const invoke = () =>
  orq.deployments.invoke({ key: "demo", context: { environments: [] } }, asUser);
const chat = () =>
  orq.router.chat.completions.create({ model: "orq/echo", messages }, asUser);

// What the client hands out, without the keys whose value it left undefined.
const plain = (value) => JSON.parse(JSON.stringify(value));

async function fails(call, status) {
  const error = await call().then(
    () => assert.fail(`expected status ${status}, and the call went through`),
    (raised) => raised,
  );
  assert(error instanceof APIError, `${error.name}: ${error.message}`);
  assert.equal(error.statusCode, status);
  return { error, body: JSON.parse(error.body) };
}

async function identities() {
  const profile = {
    externalId: user,
    displayName: "Jane Doe",
    email: "jane@example.com",
    avatarUrl: "https://example.com/avatars/jane.jpg",
    tags: [user, "engineering"],
    metadata: { role: "admin", seats: 3, since: { year: 2024, open: true } },
  };
  const { headers, result } = await orq.identities.create(profile);
  const { identity } = result;
  const { id, workspaceId, created, updated } = identity;
  assert.deepEqual(headers.location, [`/v2/identities/${id}`]);
  assert.match(id, ULID);
  assert.match(workspaceId, ULID);
  assert.match(created, INSTANT);
  assert.equal(updated, created);
  const record = { id, workspaceId, created, updated, ...profile };
  assert.deepEqual(plain(identity), record);

  for (const ref of [id, user]) {
    const found = await orq.identities.retrieve({ id: ref });
    assert.deepEqual(plain(found), { identity: record });
  }

  await invoke();
  const metrics = { totalCost: 0.018, totalTokens: 12, totalRequests: 1, errorRate: 0 };
  const listed = await orq.identities.list({
    filterByTags: [user, "engineering"],
    search: "jane d",
    includeMetrics: true,
    includeBudget: true,
    sortBy: "IDENTITY_SORT_FIELD_UPDATED",
  });
  const page = { object: "list", data: [{ ...record, metrics }], hasMore: false };
  assert.deepEqual(plain(listed), page);

  await orq.identities.create({ externalId: `${user}-2`, tags: [user] });
  const query = { filterByTags: [user], limit: 1 };
  const first = await orq.identities.list(query);
  const [newest] = first.data;
  assert.deepEqual([newest.externalId, first.hasMore], [`${user}-2`, true]);
  const next = await orq.identities.list({ ...query, startingAfter: newest.id });
  assert.deepEqual(plain(next), { object: "list", data: [record], hasMore: false });
  const back = await orq.identities.list({ ...query, endingBefore: id });
  assert.deepEqual(plain(back.data), plain(first.data));
  const nobody = await orq.identities.list({ filterByTags: ["nobody has it"] });
  assert.deepEqual(plain(nobody), { object: "list", data: [], hasMore: false });

  const changed = await orq.identities.update({
    id: user,
    updateIdentityRequest: { email: "", tags: [], metadata: { role: "guest" } },
  });
  const { email: _, ...kept } = record;
  assert.deepEqual(plain(changed.identity), {
    ...kept,
    tags: [],
    metadata: { role: "guest" },
    updated: changed.identity.updated,
  });
  assert(changed.identity.updated > updated);

  const odd = `${user}/a b?c#d é%20`;
  await orq.identities.create({ externalId: odd });
  const found = await orq.identities.retrieve({ id: odd });
  assert.equal(found.identity.externalId, odd);
  await orq.identities.delete({ id: odd });
  await fails(() => orq.identities.retrieve({ id: odd }), 404);

  assert.deepEqual(plain(await orq.identities.delete({ id })), {});
  await fails(() => orq.identities.retrieve({ id: user }), 404);
}

async function budgets() {
  const limits = { period: "BUDGET_PERIOD_MONTHLY", amount: 1.5, tokenLimit: 1000 };
  const expiresAt = new Date(Date.now() + 3 * 86_400_000);
  const { budget } = await orq.budgets.create({ scope, limits, expiresAt });
  const { budgetId, createdAt, updatedAt } = budget;
  assert.match(budgetId, ULID);
  assert(createdAt instanceof Date);
  const record = {
    budgetId,
    scope,
    match: { cel: `identity == "${user}"` },
    limits,
    isActive: true,
    expiresAt,
    createdAt,
    updatedAt,
  };
  assert.deepEqual(plain(budget), plain(record));

  await invoke();
  const usage = { amount: 0.018, tokens: 12, requests: 1 };
  const got = await orq.budgets.get({ budgetId });
  assert.deepEqual(plain(got), plain({ budget: { ...record, usage } }));
  const listed = await orq.budgets.list({
    scopeKind: ["BUDGET_SCOPE_KIND_IDENTITY", "BUDGET_SCOPE_KIND_WORKSPACE"],
    scopeTargetId: user,
    period: ["BUDGET_PERIOD_MONTHLY"],
    isActive: true,
    sortBy: "BUDGET_SORT_FIELD_UPDATED_AT",
  });
  const data = [{ ...record, usage }];
  assert.deepEqual(plain(listed), plain({ object: "list", data, hasMore: false }));
  const none = await orq.budgets.list({ scopeTargetId: "nobody" });
  assert.deepEqual(plain(none), { object: "list", data: [], hasMore: false });

  const less = { period: "BUDGET_PERIOD_WEEKLY", amount: 0.5 };
  const changed = await orq.budgets.update({
    budgetId,
    updateBudgetRequest: { limits: less, clearExpiresAt: true },
  });
  assert.equal(changed.budget.limits.period, "BUDGET_PERIOD_WEEKLY");
  assert.equal(changed.budget.limits.amount, 0.5);
  assert.equal(changed.budget.expiresAt, undefined);
  assert(changed.budget.updatedAt > updatedAt);

  const resetBudgetConsumptionRequest = {};
  await orq.budgets.resetConsumption({ budgetId, resetBudgetConsumptionRequest });
  const reset = await orq.budgets.get({ budgetId });
  assert.deepEqual(plain(reset.budget.usage), { amount: 0, tokens: 0, requests: 0 });

  const again = await fails(() => orq.budgets.create({ scope, limits }), 409);
  assert.equal(again.body.code, 6);
  assert.deepEqual(plain(await orq.budgets.delete({ budgetId })), {});
  await fails(() => orq.budgets.get({ budgetId }), 404);
}

async function kinds() {
  const period = "BUDGET_PERIOD_MONTHLY";
  const limits = { period, amount: 1 };
  for (const [kind, target] of [
    ["project", { projectId: user }],
    ["provider", { provider: user }],
    ["model", { modelId: `${user}/gpt-4o` }],
  ]) {
    const { budget } = await orq.budgets.create({ scope: { [kind]: target }, limits });
    const [id] = Object.values(target);
    assert.deepEqual(plain(budget.scope), { [kind]: target });
    assert.equal(budget.match.cel, `${kind} == "${id}"`);
    const { data } = await orq.budgets.list({
      scopeKind: [`BUDGET_SCOPE_KIND_${kind.toUpperCase()}`],
      scopeTargetId: id,
    });
    assert.deepEqual(data.map((each) => each.budgetId), [budget.budgetId]);
  }

  const alert = { thresholdPercent: 80, notifierIds: ["n1"] };
  const cel = `identity == "${user}"`;
  const { budget } = await orq.budgets.create({
    match: { cel },
    limits,
    rateLimit: { requestsPerMinute: 1 },
    alerts: [alert],
  });
  assert.equal(budget.scope, undefined);
  assert.equal(budget.match.cel, cel);
  assert.equal(budget.rateLimit.requestsPerMinute, 1);
  const dimension = "BUDGET_ALERT_DIMENSION_COST";
  const { id } = budget.alerts[0];
  assert.deepEqual(plain(budget.alerts), [{ id, ...alert, dimension }]);

  await invoke();
  const { error, body } = await fails(invoke, 429);
  assert.equal(body.error.code, "requests_per_minute_exceeded");
  assert.equal(body.error.dimension, "requests");
  assert.equal(error.headers.get("x-ratelimit-limit"), "1");

  const { budgetId } = budget;
  const changed = await orq.budgets.update({
    budgetId,
    updateBudgetRequest: {
      match: { cel: `identity == "not ${user}"` },
      alerts: [{ ...alert, id, thresholdPercent: 90 }],
    },
  });
  assert.equal(changed.budget.alerts[0].thresholdPercent, 90);
  assert.equal(changed.budget.alerts[0].id, id);
  await invoke();
}

async function calls() {
  const invoked = await invoke();
  assert.deepEqual(plain(invoked), {
    id: invoked.id,
    created: plain(invoked.created),
    object: "chat",
    model: "orq/echo",
    provider: "orq",
    isFinal: true,
    telemetry: { traceId: invoked.id, spanId: invoked.id },
    choices: [
      {
        index: 0,
        message: {
          type: "content",
          role: "assistant",
          content: "Hello from orqstudio.",
        },
        finishReason: "stop",
      },
    ],
    usage: { promptTokens: 6, completionTokens: 6, totalTokens: 12 },
  });

  const said = await chat();
  assert.deepEqual(plain(said), {
    id: said.id,
    object: "chat.completion",
    created: said.created,
    model: "orq/echo",
    choices: [
      {
        index: 0,
        message: { role: "assistant", content: "Hello" },
        finishReason: "stop",
      },
    ],
    usage: { promptTokens: 2, completionTokens: 2, totalTokens: 4 },
  });

  await orq.deployments.invoke({
    key: "demo",
    identity: { id: user, displayName: "Jane", metadata: [{ plan: "pro" }] },
  });
  const { identity } = await orq.identities.retrieve({ id: user, includeMetrics: true });
  assert.equal(identity.displayName, "Jane");
  assert.deepEqual(identity.metadata, { plan: "pro" });
  const metrics = { totalCost: 0.042, totalTokens: 28, totalRequests: 3, errorRate: 0 };
  assert.deepEqual(plain(identity.metrics), metrics);
}

async function refusal() {
  const limits = { period: "BUDGET_PERIOD_MONTHLY", amount: 0.05 };
  await orq.budgets.create({ scope, limits });
  for (let call = 0; call < 3; call += 1) await invoke();

  for (const call of [invoke, chat]) {
    const { error, body } = await fails(call, 429);
    assert.equal(body.code, 8);
    assert.equal(body.error.code, "cost_budget_exceeded");
    assert.equal(body.error.type, "rate_limit_error");
    assert.equal(body.error.scope_kind, "IDENTITY");
    assert.equal(body.error.scope_target_id, user);
    assert.equal(body.error.dimension, "cost");
    const { limit, settled, held, resets_at } = body.details;
    assert.deepEqual({ limit, settled, held }, { limit: 0.05, settled: 0.054, held: 0 });
    assert.match(resets_at, INSTANT);
    assert.equal(error.headers.get("x-should-retry"), "false");
    assert(Number(error.headers.get("retry-after")) > 0);
  }
}

async function reports() {
  await invoke();
  await invoke();
  const to = new Date(Date.now() + 60_000);
  const request = {
    metric: "genai.usage",
    from: new Date(to - 3_600_000),
    to,
    groupBy: ["identity", "model"],
    filters: [{ field: "identity", op: "eq", values: [user] }],
    limit: 10,
    timeZone: "Europe/Amsterdam",
    includeTotals: true,
    mode: "scalar",
    sort: "asc",
  };
  const report = await orq.reporting.query(request);
  const metrics = {
    request_count: 2,
    error_count: 0,
    input_tokens: 12,
    cached_input_tokens: 0,
    output_tokens: 12,
    reasoning_tokens: 0,
    total_tokens: 24,
    total_cost: 0.036,
  };
  assert.match(report.meta.requestId, ULID);
  assert.deepEqual(plain(report), {
    object: "report",
    request: plain(request),
    data: [{ dimensions: { identity: user, model: "echo" }, metrics }],
    totals: { metrics },
    hasMore: false,
    meta: {
      effectiveGrain: "minute",
      rowCount: 1,
      requestId: report.meta.requestId,
      currency: "USD",
      warnings: [],
    },
  });

  const series = await orq.reporting.query({ ...request, mode: undefined });
  assert(series.data.every(({ timestamp }) => timestamp instanceof Date));
  await fails(() => orq.reporting.query({ ...request, metric: "genai.guardrail.runs" }), 400);
}

async function keys() {
  const expiration = new Date(Date.now() + 86_400_000);
  const created = await orq.apiKeys.create({
    name: user,
    owner: { serviceAccount: {} },
    projectScope: { single: { projectId: "p1" } },
    permissionMode: "PERMISSION_MODE_RESTRICTED",
    access: { calls: "ACCESS_LEVEL_WRITE", budgets: "ACCESS_LEVEL_READ" },
    expiresAt: expiration,
  });
  const { id: apiKeyId, token, workspaceId, additionalProperties, ...rest } = created;
  assert.match(apiKeyId, ULID);
  assert.match(workspaceId, ULID);
  assert.match(token, new RegExp(`^sk-orq-${apiKeyId}-[0-9a-f]{64}$`));
  assert.equal(additionalProperties.api_key.api_key_id, apiKeyId);
  assert.deepEqual(plain(rest), {
    name: user,
    active: true,
    isLegacy: false,
    source: "workspace",
    expiration: plain(expiration),
    projects: ["p1"],
    created: plain(created.created),
    updated: plain(created.created),
    owner: { type: "service_account", service_account: {} },
    projectScope: { mode: "single", project_id: "p1", single: { project_id: "p1" } },
    permissionMode: "restricted",
    access: { calls: "write", budgets: "read" },
    tokenPrefix: `sk-orq-${apiKeyId}`,
    status: "active",
    constraints: { expires_at: plain(expiration) },
  });

  const caller = new Orq({ apiKey: token, serverURL });
  assert.equal((await caller.deployments.invoke({ key: "demo" })).object, "chat");
  assert.deepEqual((await caller.budgets.list({ scopeTargetId: user })).data, []);
  const { body } = await fails(() => caller.identities.list({}), 403);
  assert.equal(body.code, 7);

  const got = await orq.apiKeys.get({ apiKeyId });
  assert.equal(got.token, got.tokenPrefix);
  assert(got.lastUsedAt instanceof Date);
  const listed = await orq.apiKeys.list({ projectId: "p1" });
  const [mine] = listed.filter(({ name }) => name === user);
  assert.equal(mine.token, `${got.tokenPrefix}********`);
  const { domains } = await orq.apiKeys.listCapabilities();
  assert(domains.every(({ id, readable, writable }) => id && readable && writable));

  const updateApiKeyRequest = { name: `${user}-2`, status: "API_KEY_STATUS_DISABLED" };
  const changed = await orq.apiKeys.update({ apiKeyId, updateApiKeyRequest });
  assert.deepEqual([changed.name, changed.status], [`${user}-2`, "disabled"]);

  assert.equal(await orq.apiKeys.delete({ apiKeyId }), undefined);
  await fails(() => orq.apiKeys.get({ apiKeyId }), 404);
  await fails(() => caller.budgets.list({}), 401);
}

async function errors() {
  await orq.identities.create({ externalId: user });
  const twice = await fails(() => orq.identities.create({ externalId: user }), 409);
  assert.equal(twice.body.code, 6);
  const bad = await fails(() => orq.identities.create({ externalId: "" }), 400);
  assert.equal(bad.body.code, 3);
  const unknown = await fails(() => orq.identities.retrieve({ id: "nobody" }), 404);
  assert.equal(unknown.body.code, 5);
  await fails(() => orq.deployments.invoke({ key: "nothing" }), 404);
  await fails(() => orq.deployments.invoke({ key: "demo", stream: true }), 400);
  const limits = { period: "BUDGET_PERIOD_MONTHLY", amount: 1 };
  const unusable = { match: { cel: "identity ==" }, limits };
  const { body: said } = await fails(() => orq.budgets.create(unusable), 400);
  assert.match(said.message, /match\.cel/);

  const stranger = new Orq({ apiKey: "sk-wrong", serverURL });
  for (const ask of [
    () => stranger.identities.list({}),
    () => stranger.budgets.list({}),
    () => stranger.deployments.invoke({ key: "demo" }),
    () => stranger.router.chat.completions.create({ model: "orq/echo", messages }),
  ]) {
    const { body } = await fails(ask, 401);
    assert.equal(body.code, 16);
    assert(body.message);
  }
}

const cases = { identities, budgets, kinds, calls, keys, reports, refusal, errors };
await cases[process.argv[2]]();
