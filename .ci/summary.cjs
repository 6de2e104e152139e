// Reads vitest's JSON report, tells what was skipped and why nothing may be green that is not, and
// ends with the line `N passed, N failed`: node summary.cjs REPORT TEST_STATUS CHECK_STATUS
'use strict';

const { readFileSync } = require('node:fs');

const [path, testStatus, checkStatus] = process.argv.slice(2);

function readReport() {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    return { testResults: [] };
  }
}

const files = readReport().testResults;
const tests = files.flatMap((file) => file.assertionResults);
const count = (status) => tests.filter((test) => test.status === status).length;

const passed = count('passed');
// A file that does not load has no tests to fail, and counts as one.
const unloaded = files.filter(
  (file) => file.status === 'failed' && file.assertionResults.length === 0,
);
let failed = count('failed') + unloaded.length;
const skipped = tests.length - passed - count('failed');

if (skipped > 0) {
  console.log(`${skipped} skipped`);
}
for (const file of unloaded) {
  console.log(`not loaded: ${file.name}`);
}
if (testStatus !== '0' && failed === 0) {
  console.log(`npm test ended with ${testStatus}`);
  failed = 1;
}
if (passed === 0 && failed === 0) {
  console.log('no test was executed');
  failed = 1;
}
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 && checkStatus === '0' ? 0 : 1;
