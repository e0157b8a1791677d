// OpenAI's own Node SDK, as its users write it.
import assert from "node:assert/strict";
import { createReadStream } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import OpenAI from "openai";

const { MODEL, QUESTION, TAUGHT, TRAINING_FILE } = process.env;
const client = new OpenAI();
const asked = { messages: [{ role: "user", content: QUESTION }], temperature: 0 };
const made = {};

/** Upload a training file as a stream, wait until it is processed, find it in the list. */
export async function uploadsATrainingFile() {
  const uploaded = await client.files.create({ file: createReadStream(TRAINING_FILE), purpose: "fine-tune" });
  const processed = await client.files.waitForProcessing(uploaded.id);
  assert.equal(processed.status, "processed");
  const ids = [];
  for await (const one of client.files.list({ purpose: "fine-tune" })) ids.push(one.id);
  assert.ok(ids.includes(uploaded.id));
  made.file = uploaded.id;
}

/** Create a job, poll it to `succeeded`, page through its events, read its result file. */
export async function followsAJobToItsEnd() {
  let job = await client.fineTuning.jobs.create({
    training_file: made.file,
    model: MODEL,
    suffix: "node",
    hyperparameters: { n_epochs: 10, batch_size: 4 },
  });
  while (["validating_files", "queued", "running"].includes(job.status)) {
    await sleep(200);
    job = await client.fineTuning.jobs.retrieve(job.id);
  }
  assert.equal(job.status, "succeeded", JSON.stringify(job.error));
  const told = [];
  for await (const event of client.fineTuning.jobs.listEvents(job.id, { limit: 5 })) told.push(event.message);
  assert.equal(told.at(-1), `Created fine-tuning job: ${job.id}`);
  const result = await client.files.content(job.result_files[0]);
  assert.ok((await result.text()).startsWith("step,train_loss"));
  made.model = job.fine_tuned_model;
}

/** Ask the tuned model by its name, whole and streamed; both say what was taught. */
export async function chatsWithTheTunedModel() {
  const whole = await client.chat.completions.create({ model: made.model, ...asked });
  assert.equal(whole.choices[0].message.content, TAUGHT);
  let said = "";
  const pieces = await client.chat.completions.create({ model: made.model, stream: true, ...asked });
  for await (const piece of pieces) said += piece.choices[0].delta.content ?? "";
  assert.equal(said, TAUGHT);
}

/** Let the SDK's stream runner put a streamed answer together, its count of tokens too. */
export async function runsAStreamToItsEnd() {
  const options = { stream_options: { include_usage: true } };
  const runner = client.chat.completions.stream({ model: made.model, ...asked, ...options });
  assert.equal(await runner.finalContent(), TAUGHT);
  assert.ok((await runner.totalUsage()).completion_tokens > 0);
}

/** Find the tuned model in the list of models, and delete it. */
export async function listsAndDeletesTheModel() {
  const ids = [];
  for await (const one of client.models.list()) ids.push(one.id);
  assert.ok(ids.includes(made.model));
  assert.ok((await client.models.delete(made.model)).deleted);
}
