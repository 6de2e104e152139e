/**
 * Random changes through one session that loses its connection at random messages, compared with a
 * model: what is done twice, or not at all, has another answer than it must have.
 *
 * Run with the request as JSON; prints the seed first.
 */
import { writeFileSync } from 'node:fs';
import { DafsError } from '../../client/dafs-error.ts';
import { FileClient } from '../../client/file-client.ts';
import { newMode } from '../../client/new-object.ts';
import type { OpenFile } from '../../client/opening.ts';
import { type Filehandle, StableHow } from '../../client/protocol/index.ts';
import { Session } from '../../client/session.ts';
import { Fault } from '../../nic/index.ts';
import { Random } from '../support/random.ts';

export interface ExactlyOnceRequest {
  readonly fabricSocket: string;
  readonly seed: number;
  readonly operations: number;
  /** One of so many messages breaks its connection; 0: none does. */
  readonly breaksOneIn: number;
  /** Where it writes how many operations are done. */
  readonly progressFile: string;
}

const request = JSON.parse(process.argv[2] as string) as ExactlyOnceRequest;
const { seed, operations, breaksOneIn, fabricSocket, progressFile } = request;
console.log(`DAFS_SEED=${seed}`);

const random = new Random(seed);
let breaks = 0;

/** Breaks connections before or after the message is delivered. */
const faults = {
  onPost(): Fault {
    if (breaksOneIn === 0 || !random.oneIn(breaksOneIn)) return Fault.NONE;
    breaks += 1;
    return random.oneIn(2) ? Fault.BREAK : Fault.BREAK_AFTER;
  },
};

/** Of a transfer, of which several are under way at a time. */
const CHUNK_BYTES = 16_384;

const session = Session.connect(fabricSocket, {
  transferSlotBytes: CHUNK_BYTES,
  recovery: { timeoutMs: Number.POSITIVE_INFINITY },
  faults,
});
const client = new FileClient(session);
const { root } = client;
const mode = newMode(session, 0o755, 0);
const names = ['a', 'b', 'c', 'd'];
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

/** What a name of the root stands for. */
type Object = { readonly kind: 'directory' } | { readonly kind: 'file'; content: string };
const model = new Map<string, Object>();

/** The errno of an action, or `done`. */
function outcomeOf(action: () => void): string {
  try {
    action();
    return 'done';
  } catch (error) {
    if (error instanceof DafsError) return error.errno;
    throw error;
  }
}

const handleOf = (name: string): Filehandle => client.lookup(root, bytes(name));

function withFile(name: string, action: (file: OpenFile) => void): void {
  const file = client.open(root, bytes(name), 'both');
  action(file);
  client.close(file);
}

const actions: Readonly<Record<string, (name: string, other: string, text: string) => string[]>> = {
  mkdir: (name) => {
    const expected = model.has(name) ? 'EEXIST' : 'done';
    if (!model.has(name)) model.set(name, { kind: 'directory' });
    return [expected, outcomeOf(() => client.mkdir(root, bytes(name), mode))];
  },
  create: (name) => {
    const expected = model.has(name) ? 'EEXIST' : 'done';
    if (!model.has(name)) model.set(name, { kind: 'file', content: '' });
    const creation = { mode: 'guarded', attributes: {} } as const;
    return [
      expected,
      outcomeOf(() => client.close(client.open(root, bytes(name), 'both', creation))),
    ];
  },
  unlink: (name) => {
    const object = model.get(name);
    const expected = object === undefined ? 'ENOENT' : object.kind === 'file' ? 'done' : 'EISDIR';
    if (expected === 'done') model.delete(name);
    return [expected, outcomeOf(() => client.unlink(root, bytes(name)))];
  },
  rmdir: (name) => {
    const object = model.get(name);
    const expected = object === undefined ? 'ENOENT' : object.kind === 'file' ? 'ENOTDIR' : 'done';
    if (expected === 'done') model.delete(name);
    return [expected, outcomeOf(() => client.rmdir(root, bytes(name)))];
  },
  link: (name, other) => {
    const object = model.get(name);
    if (object?.kind !== 'file') return ['', ''];
    const expected = model.has(other) ? 'EEXIST' : 'done';
    if (!model.has(other)) model.set(other, object);
    return [expected, outcomeOf(() => client.link(handleOf(name), root, bytes(other)))];
  },
  rename: (name, other) => {
    const object = model.get(name);
    if (object === undefined || model.has(other)) return ['', ''];
    model.delete(name);
    model.set(other, object);
    return ['done', outcomeOf(() => client.rename(root, bytes(name), root, bytes(other)))];
  },
  append: (name, _other, text) => {
    const object = model.get(name);
    if (object?.kind !== 'file') return ['', ''];
    object.content += text;
    const append = (file: OpenFile) =>
      client.appends.append(file, bytes(text), StableHow.FILE_SYNC, 0);
    return ['done', outcomeOf(() => withFile(name, append))];
  },
  read: (name) => {
    const object = model.get(name);
    if (object?.kind !== 'file') return ['', ''];
    const into = new Uint8Array(1 << 16);
    let length = 0;
    withFile(name, (file) => {
      length = client.read(file, 0, into);
    });
    return [object.content, new TextDecoder().decode(into.subarray(0, length))];
  },
  transfer: (_name, _other, text) => transfer(text),
};

/** A file of its own, of several chunks, each of them different. */
const long = client.open(root, bytes('long'), 'both', { mode: 'guarded', attributes: {} });

function transfer(text: string): string[] {
  const data = new Uint8Array(random.below(6 * CHUNK_BYTES) + CHUNK_BYTES);
  for (const [index] of data.entries()) data[index] = Number(text) + (index >> 10);
  const into = new Uint8Array(data.length);
  const outcome = outcomeOf(() => {
    client.write(long, 0, data);
    client.read(long, 0, into);
  });
  return ['done', Buffer.compare(data, into) === 0 ? outcome : 'other data'];
}

const actionNames = Object.keys(actions);
for (let done = 0; done < operations; done += 1) {
  writeFileSync(progressFile, String(done));
  const action = random.pick(actionNames);
  const [name, other] = [random.pick(names), random.pick(names)];
  const text = `${done} `;
  const [expected, was] = (actions[action] as (typeof actions)[string])(name, other, text);
  if (expected !== was) {
    console.log(`operation ${done}, ${action} ${name} ${other}: expected ${expected}, was ${was}`);
    process.exitCode = 1;
    break;
  }
}
console.log(JSON.stringify({ breaks, recoveries: session.recoveries }));
session.close();
