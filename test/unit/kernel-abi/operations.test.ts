import { existsSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { InitFlag } from '../../../mount/kernel-abi/constants.ts';
import { isAnswered, operationByOpcode, operations } from '../../../mount/kernel-abi/operations.ts';

const HEADER = '/usr/include/linux/fuse.h';
const header = existsSync(HEADER) ? readFileSync(HEADER, 'utf8') : '';

test('each operation stands once in the table, with a handler or with a reason', () => {
  for (const operation of operations) {
    expect(operationByOpcode.get(operation.opcode)).toBe(operation);
    if ('handler' in operation) expect(operation.handler).not.toBe('');
    else expect(operation.reason.length).toBeGreaterThan(20);
  }
});

test('only what the kernel does not wait for goes unanswered', () => {
  const silent = operations.filter((operation) => !isAnswered(operation.opcode));
  expect(silent.map((operation) => operation.name)).toEqual([
    'FORGET',
    'INTERRUPT',
    'NOTIFY_REPLY',
    'BATCH_FORGET',
  ]);
  expect(isAnswered(9999)).toBe(true);
});

test.skipIf(header === '')('every opcode of the machine’s fuse.h has its row', () => {
  const body = /enum fuse_opcode \{(.*?)CUSE specific/s.exec(header)?.[1] ?? '';
  const opcodes = [...body.matchAll(/FUSE_(\w+)\s*=\s*(\d+)/g)];
  expect(opcodes.length).toBeGreaterThan(40);
  for (const [, name, opcode] of opcodes) {
    expect(`${opcode} ${operationByOpcode.get(Number(opcode))?.name}`).toBe(`${opcode} ${name}`);
  }
});

test.skipIf(header === '')('every flag of INIT in the machine’s fuse.h is known', () => {
  const section = header.slice(header.indexOf('#define FUSE_ASYNC_READ'));
  const flags = section.slice(0, section.indexOf('CUSE INIT'));
  const defined = [...flags.matchAll(/#define FUSE_(\w+)\s+\(1(?:ULL)? << (\d+)\)/g)];
  expect(defined.length).toBeGreaterThan(30);
  for (const [, name, bit] of defined) {
    expect(`${name} ${InitFlag[name as keyof typeof InitFlag]}`).toBe(
      `${name} ${1n << BigInt(bit ?? 0)}`,
    );
  }
});
