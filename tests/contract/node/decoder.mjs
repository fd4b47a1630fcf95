// Streams one chat with the official SDK and prints its text; retries are the SDK's own.
import OpenAI from "openai";

const [url, prompt, timeout] = process.argv.slice(2);
const client = new OpenAI({baseURL: url, apiKey: "none", maxRetries: 2, timeout: Number(timeout ?? 60000)});
const stream = await client.chat.completions.create(
  {model: "m", stream: true, max_tokens: 1000, messages: [{role: "user", content: prompt}]});
let text = "";
for await (const chunk of stream) text += chunk.choices[0]?.delta?.content ?? "";
console.log(JSON.stringify({text}));
