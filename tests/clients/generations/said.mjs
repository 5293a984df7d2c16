// What an official client hands out, as JSON: shared by the scripts beside it.

export const { ORQ_URL: serverURL, ORQ_KEY: apiKey } = process.env;
export const { ORQ_USER: user, ORQ_SPENT: spent } = process.env;

// The error that a call ends with: its class, status and body.
export async function refused(call) {
  try {
    return { error: null, answer: await call() };
  } catch (error) {
    const body = error.body ?? "";
    return {
      error: error.constructor.name,
      status: error.statusCode ?? null,
      body: body.startsWith("{") ? JSON.parse(body) : body,
      data: error.data$ ?? null,
      text: String(error).slice(0, 300),
    };
  }
}

// Run the cases in their order; print name -> what each returned.
export async function say(...cases) {
  const said = {};
  for (const one of cases) {
    try {
      said[one.name] = (await one()) ?? null;
    } catch (error) {
      said[one.name] = { crash: `${error.stack}\n${error.pretty?.() ?? ""}` };
    }
  }
  process.stdout.write(JSON.stringify(said));
}
