/** Every combination of a class of callers and what its bits allow, each over the calls that ask for them. */
import { constants } from 'node:fs';
import { type CaseBody, defineCases, O } from '../case.ts';
import { alice, bob, fails, names, put } from '../expect.ts';
import type { Identity, Target } from '../target.ts';

const READ = 4;
const WRITE = 2;
const EXECUTE = 1;
/** What names mean to a directory's third bit. */
const SEARCH = EXECUTE;

interface CallerClass {
  readonly label: string;
  readonly who: Identity;
  /** How far left of the mode's end its three bits stand. */
  readonly shift: number;
}

const classes: readonly CallerClass[] = [
  { label: 'the owner', who: alice, shift: 6 },
  { label: 'the group', who: { ...bob, gid: alice.gid }, shift: 3 },
  { label: 'a further group', who: { ...bob, groups: [4999, alice.gid] }, shift: 3 },
  { label: 'others', who: bob, shift: 0 },
];

/** A call, and the bits without which it is EACCES. */
interface Demand {
  readonly bits: number;
  run(t: Target): unknown;
}

const demand = (bits: number, run: (t: Target) => unknown): Demand => ({ bits, run });
const opened = (path: string, flags: number) => (t: Target) => t.close(t.open(path, flags));

const fileDemands: readonly Demand[] = [
  demand(0, (t) => t.stat('a')),
  demand(READ, opened('a', O.RDONLY)),
  demand(WRITE, opened('a', O.WRONLY)),
  demand(WRITE, opened('a', O.WRONLY | O.APPEND)),
  demand(WRITE, opened('a', O.WRONLY | O.CREAT)),
  demand(READ | WRITE, opened('a', O.RDWR)),
  demand(WRITE, (t) => t.truncate('a', 3)),
  demand(READ | WRITE, opened('a', O.RDONLY | O.TRUNC)),
  demand(READ, (t) => t.access('a', constants.R_OK)),
  demand(WRITE, (t) => t.access('a', constants.W_OK)),
  demand(EXECUTE, (t) => t.access('a', constants.X_OK)),
  demand(READ | WRITE | EXECUTE, (t) =>
    t.access('a', constants.R_OK | constants.W_OK | constants.X_OK),
  ),
];

/** Of the directory `d`, which holds objects that all may use, and `open`, where all may do everything. */
const directoryDemands: readonly Demand[] = [
  demand(0, (t) => t.stat('d')),
  demand(READ, (t) => names(t, 'd')),
  demand(SEARCH, (t) => t.stat('d/a')),
  demand(SEARCH, opened('d/a', O.RDWR)),
  demand(SEARCH, (t) => t.readlink('d/l')),
  demand(SEARCH, (t) => t.stat('d/e/inside')),
  demand(SEARCH, (t) => t.truncate('d/a', 1)),
  demand(SEARCH, (t) => t.access('d/a', constants.F_OK)),
  demand(WRITE | SEARCH, (t) => put(t, 'd/new')),
  demand(WRITE | SEARCH, (t) => t.mkdir('d/made')),
  demand(WRITE | SEARCH, (t) => t.symlink('x', 'd/link')),
  demand(WRITE | SEARCH, (t) => t.makeNode('d/fifo', 'fifo', 0o600)),
  demand(WRITE | SEARCH, (t) => t.rename('d/a', 'd/b')),
  demand(WRITE | SEARCH, (t) => t.rename('open/in', 'd/in')),
  demand(WRITE | SEARCH, (t) => t.rename('d/out', 'open/out')),
  demand(WRITE | SEARCH, (t) => t.link('open/mine', 'd/hard')),
  demand(WRITE | SEARCH, (t) => t.unlink('d/gone')),
  demand(WRITE | SEARCH, (t) => t.rmdir('d/empty')),
];

function expectDemands(t: Target, demands: readonly Demand[], bits: number): void {
  for (const { bits: wanted, run } of demands) {
    if ((bits & wanted) === wanted) {
      run(t);
    } else {
      fails('EACCES', () => run(t));
    }
  }
}

/** Everybody else gets the opposite, so that bits of the wrong class show. */
function modeOf(bits: number, shift: number): number {
  const others = 0o777 & ~(0o7 << shift);
  return (bits << shift) | (bits < 4 ? others : 0);
}

function cases(what: string, body: (t: Target, one: CallerClass, bits: number) => void) {
  return classes.flatMap((one) =>
    Array.from({ length: 8 }, (_, bits): [string, CaseBody] => [
      `${what} lets ${one.label} with ${bits} do what that allows`,
      (t) => body(t, one, bits),
    ]),
  );
}

function checkFile(t: Target, { who, shift }: CallerClass, bits: number): void {
  put(t, 'a', 'content');
  t.chown('a', alice.uid, alice.gid);
  t.chmod('a', modeOf(bits, shift));
  t.as(who, () => expectDemands(t, fileDemands, bits));
}

function checkDirectory(t: Target, { who, shift }: CallerClass, bits: number): void {
  t.mkdir('d');
  for (const path of ['d/a', 'd/out', 'd/gone']) {
    put(t, path, 'content');
  }
  t.mkdir('d/empty');
  t.mkdir('d/e');
  put(t, 'd/e/inside');
  t.symlink('a', 'd/l');
  t.chmod('d/a', 0o666);
  t.mkdir('open');
  t.chmod('open', 0o777);
  t.as(who, () => {
    put(t, 'open/mine');
    put(t, 'open/in');
  });
  // Who cannot write a file may make no name of it: protected_hardlinks in proc_sys_fs(5).
  t.chmod('open/mine', 0o666);
  t.chown('d', alice.uid, alice.gid);
  t.chmod('d', modeOf(bits, shift));
  t.as(who, () => expectDemands(t, directoryDemands, bits));
}

export const permissionMatrixCases = [
  ...defineCases('permission', Object.fromEntries(cases('a file', checkFile)), ['root']),
  ...defineCases('permission', Object.fromEntries(cases('a directory', checkDirectory)), ['root']),
];
