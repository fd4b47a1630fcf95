// The official Node SDK, against the base URL given: prints one JSON line a check.
import OpenAI from "openai";

const [baseURL] = process.argv.slice(2);
const client = new OpenAI({ baseURL, apiKey: "k", maxRetries: 0 });
const messages = [{ role: "user", content: "say: the rope holds" }];
const fault = (name) => ({ headers: { "x-sim-fault": name, "x-sim-interval-ms": "5" } });

async function failure(call) {
  try {
    await call();
    return "none";
  } catch (error) {
    return `${error.constructor.name} ${error.status ?? ""}`.trim();
  }
}

async function collect(stream, pick) {
  let out = "";
  for await (const part of stream) out += pick(part) ?? "";
  return out;
}

const checks = {
  chat: async () => (await client.chat.completions.create({ model: "m", messages })).choices[0].message.content,
  stream: async () =>
    collect(await client.chat.completions.create({ model: "m", messages, stream: true }), (c) => c.choices[0]?.delta.content),
  tools: async () => {
    const tools = [{ type: "function", function: { name: "f", parameters: { type: "object", properties: { a: { type: "string" } } } } }];
    const answer = await client.chat.completions.create({ model: "m", messages, tools });
    return answer.choices[0].message.tool_calls[0].function.arguments;
  },
  responses: async () => (await client.responses.create({ model: "m", input: "say: aye aye" })).output_text,
  responsesStream: async () =>
    collect(await client.responses.create({ model: "m", input: "say: aye aye", stream: true }), (e) => e.delta),
  embeddings: async () => (await client.embeddings.create({ model: "e", input: "a", dimensions: 4 })).data[0].embedding.length,
  models: async () => (await client.models.list()).data.map((m) => m.id).join(),
  files: async () => {
    const file = await client.files.create({ file: new File(["content"], "a.txt"), purpose: "assistants" });
    return (await client.files.content(file.id)).text();
  },
  errors: async () => {
    const kinds = [];
    for (const status of [400, 401, 403, 404, 409, 422, 429, 500, 503])
      kinds.push(await failure(() => client.chat.completions.create({ model: "m", messages }, fault(`status:${status}`))));
    return kinds.join();
  },
  inBand: async () =>
    failure(async () => collect(await client.chat.completions.create({ model: "m", messages, stream: true }, fault("error-event:2")), () => "")),
  timeout: async () =>
    failure(() => client.chat.completions.create({ model: "m", messages }, { ...fault("stall:before-head"), timeout: 300 })),
  abort: async () => {
    const stream = await client.chat.completions.create(
      { model: "m", messages: [{ role: "user", content: "count: 400" }], max_tokens: 400, stream: true }, { headers: { "x-sim-interval-ms": "20" } });
    let seen = 0;
    for await (const _ of stream) if (++seen === 3) break;
    return seen;
  },
};

for (const [name, check] of Object.entries(checks)) console.log(JSON.stringify({ name, result: await check() }));
