// The same as driver.py, for clients in JavaScript: `node driver.mjs SCRIPT RESULT CASE...`.
import { writeFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const [script, result, ...cases] = process.argv.slice(2);
const functions = await import(pathToFileURL(script));
const outcomes = [];
for (const name of cases) {
  const began = performance.now();
  let fault = null;
  try {
    await functions[name]();
  } catch (error) {
    fault = error.stack ?? String(error);
  }
  outcomes.push({ case: name, fault, seconds: Math.round((performance.now() - began) / 100) / 10 });
  writeFileSync(result, JSON.stringify(outcomes));
}
