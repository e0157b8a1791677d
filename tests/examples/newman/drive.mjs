// Holds a collection against Postman's published schema and runs it with newman, as `node drive.mjs COLLECTION
// ENVIRONMENT WORKING_FOLDER URL`; prints in JSON what broke the schema, what each request got, and what failed.
import { readFileSync } from "node:fs";
import validator from "@har-sdk/validator";
import newman from "newman";

const [collectionFile, environmentFile, workingDir, url] = process.argv.slice(2);
const collection = JSON.parse(readFileSync(collectionFile));
const environment = JSON.parse(readFileSync(environmentFile));
const faults = await new validator.PostmanValidator().verify(collection);

/** Run the collection, or one folder of it, and return newman's summary. */
function run(cleanUp, folder) {
  const envVar = [
    { key: "url", value: url },
    { key: "clean_up", value: String(cleanUp) },
  ];
  const options = { collection, environment, envVar, workingDir, folder, timeoutRequest: 120000 };
  return new Promise((done, fail) => {
    newman.run(options, (error, summary) => (error ? fail(error) : done(summary.run)));
  });
}

const told = (one) => [one.item.name, one.response?.code ?? null];
const unasked = await run(false, collection.item.at(-1).name);
const whole = await run(true);
console.log(
  JSON.stringify({
    schema: faults.map((fault) => `${fault.instancePath} ${fault.message}`),
    deletedUnasked: unasked.executions.map(told).filter(([, code]) => code !== null),
    requests: whole.executions.map(told),
    failures: whole.failures.map((one) => `${one.source?.name}: ${one.error.name}: ${one.error.message}`),
  }),
);
