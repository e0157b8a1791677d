// Holds a collection against Postman's published schema and runs it with newman, as `node drive.mjs COLLECTION
// ENVIRONMENT WORKING_FOLDER URL RUNNING_JOB`; prints in JSON what broke the schema, what each request got, also those
// that move a running job, and what failed.
import { readFileSync } from "node:fs";
import validator from "@har-sdk/validator";
import newman from "newman";

const [collectionFile, environmentFile, workingDir, url, running] = process.argv.slice(2);
const collection = JSON.parse(readFileSync(collectionFile));
const environment = JSON.parse(readFileSync(environmentFile));
const faults = await new validator.PostmanValidator().verify(collection);

/** Run the collection, or one folder or request of it with variables of its own, and return newman's summary. */
function run(cleanUp, folder, more = []) {
  const envVar = [{ key: "url", value: url }, { key: "clean_up", value: String(cleanUp) }, ...more];
  const options = { collection, environment, envVar, workingDir, folder, timeoutRequest: 120000 };
  return new Promise((done, fail) => {
    newman.run(options, (error, summary) => (error ? fail(error) : done(summary.run)));
  });
}

const told = (one) => [one.item.name, one.response?.code ?? null];
const moves = [];
for (const verb of ["pause", "resume", "cancel"]) {
  moves.push(await run(false, `POST /jobs/{job_id}/${verb}`, [{ key: "job_id", value: running }]));
}
const unasked = await run(false, collection.item.at(-1).name);
const whole = await run(true);
console.log(
  JSON.stringify({
    schema: faults.map((fault) => `${fault.instancePath} ${fault.message}`),
    deletedUnasked: unasked.executions.map(told).filter(([, code]) => code !== null),
    moved: moves.flatMap((one) => one.executions.map(told)),
    requests: whole.executions.map(told),
    failures: [...moves, whole].flatMap((one) => one.failures).map((one) => `${one.source?.name}: ${one.error.name}: ${one.error.message}`),
  }),
);
