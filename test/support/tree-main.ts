/**
 * Compares two trees: `node tree-main.ts SOURCE COPY [MTIME_UNIT_NS]` prints each difference and
 * ends with status 1 where there is one. A process of its own, because a mount may hang it.
 */
import { readTree, type TreeEntry } from './tree.ts';

const [source = '', copy = '', unit = '1'] = process.argv.slice(2);
const options = { mtimeUnitNs: Number(unit) };
const expected = new Map(readTree(source, options).map((entry) => [entry.path, entry]));
const actual = new Map(readTree(copy, options).map((entry) => [entry.path, entry]));
const differences: string[] = [];

function compare(wanted: TreeEntry, found: TreeEntry): void {
  for (const key of Object.keys(wanted) as (keyof TreeEntry)[]) {
    if (wanted[key] !== found[key]) {
      differences.push(`${wanted.path}: ${key} is ${found[key]}, not ${wanted[key]}`);
    }
  }
}

for (const [path, wanted] of expected) {
  const found = actual.get(path);
  if (found === undefined) {
    differences.push(`${path}: missing`);
  } else {
    compare(wanted, found);
  }
}
for (const path of actual.keys()) {
  if (!expected.has(path)) {
    differences.push(`${path}: not in the source`);
  }
}
for (const difference of differences.slice(0, 20)) {
  process.stdout.write(`${difference}\n`);
}
process.stdout.write(`${expected.size} entries, ${differences.length} differences\n`);
process.exitCode = differences.length === 0 ? 0 : 1;
