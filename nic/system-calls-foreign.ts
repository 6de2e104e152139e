/**
 * C libraries that live in this process beside ours: loading one, reading and writing memory that it
 * lends for the time of a call, calling a function it points to. For bindings that hand out less than
 * they know.
 *
 * Nothing here is checked: a wrong address ends the process.
 */
import { readFileSync } from 'node:fs';
import koffi from 'koffi';
import { closeDescriptor, createMemoryFile } from './system-calls.ts';

const libc = koffi.load(null);
const native = {
  copyTo: libc.func('memcpy', 'intptr_t', ['intptr_t', 'const uint8_t *', 'size_t']),
  copyFrom: libc.func('memcpy', 'intptr_t', [
    koffi.out(koffi.pointer('uint8_t')),
    'intptr_t',
    'size_t',
  ]),
  stringLength: libc.func('strlen', 'size_t', ['intptr_t']),
  duplicate: libc.func('dup', 'int', ['int']),
  duplicateTo: libc.func('dup2', 'int', ['int', 'int']),
  tryJoin: libc.func('pthread_tryjoin_np', 'int', ['uintptr_t', 'intptr_t']),
};

/**
 * Loads the shared library at `path` for good: whatever is loaded later and needs a library of the
 * same name (its DT_SONAME) gets this one.
 */
export function loadLibrary(path: string): void {
  koffi.load(path, { global: true });
}

/** Copies `bytes` to `address`. */
export function copyToAddress(address: number, bytes: Uint8Array): void {
  native.copyTo(address, bytes, bytes.length);
}

/** The bytes of the zero-terminated string at `address`, without the zero. */
export function stringAtAddress(address: number): Uint8Array {
  const bytes = new Uint8Array(Number(native.stringLength(address)));
  native.copyFrom(bytes, address, bytes.length);
  return bytes;
}

/** The 32-bit signed integer at `address`. */
export function int32AtAddress(address: number): number {
  native.copyFrom(scratch, address, 4);
  return scratchView.getInt32(0, true);
}

const scratch = new Uint8Array(4);
const scratchView = new DataView(scratch.buffer);

/**
 * The type of libfuse's `fuse_fill_dir_t`-like callbacks: takes a context, a zero-terminated string,
 * a pointer to a structure and an offset, and answers 0 or 1.
 */
const entryCallback = koffi.proto(
  'int dafs_entry_callback(intptr_t, const uint8_t *, const uint8_t *, int64_t)',
);

/** Calls the C function at `callback`: (context, name, structure, offset) -> int. */
export function callEntryCallback(
  callback: number,
  context: number,
  name: Uint8Array,
  structure: Uint8Array,
  offset: number,
): number {
  return koffi.call(BigInt(callback), entryCallback, context, name, structure, offset);
}

/** Whether the joinable thread (a `pthread_t`) has ended. Ask no more after it once said yes. */
export function hasThreadEnded(thread: number): boolean {
  return native.tryJoin(thread, 0) === 0;
}

/**
 * Runs `action` with the process's standard error (descriptor 2, also that of programs it starts)
 * going to memory, and returns what was written there: libraries that explain themselves only so.
 */
export function captureStandardError(action: () => void): string {
  const captured = createMemoryFile('captured-stderr', 0);
  const original = native.duplicate(2);
  native.duplicateTo(captured, 2);
  try {
    action();
  } finally {
    native.duplicateTo(original, 2);
    closeDescriptor(original);
  }
  const text = readFileSync(`/proc/self/fd/${captured}`, 'utf8');
  closeDescriptor(captured);
  return text;
}
