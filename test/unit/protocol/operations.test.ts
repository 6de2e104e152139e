/** The table of operations against the draft's lists. */

import { describe, expect, it } from 'vitest';
import {
  ALL_FILE_ATTRIBUTES,
  ALL_FILE_SYSTEM_ATTRIBUTES,
  DafsStatus,
  errnoByStatus,
  FileAttribute,
  fileAttributeBitmap,
  fileSystemAttributeBitmap,
  hasAttribute,
  type OperationCategory,
  type OperationName,
  operationByProcedure,
  operations,
  Procedure,
  statusName,
} from '../../../client/protocol/index.ts';

/** Ours begin here; the draft's lists know nothing of them. */
const FIRST_EXTENSION = 1000;

const named = (category: OperationCategory): string[] =>
  Object.keys(operations)
    .filter((name) => operations[name as OperationName].category === category)
    .filter((name) => Procedure[name as OperationName] < FIRST_EXTENSION)
    .sort();

const words = (text: string): string[] => text.trim().split(/\s+/).sort();

describe('the table of operations', () => {
  it('has every procedure once, under its number', () => {
    expect(Object.keys(operations).sort()).toEqual(Object.keys(Procedure).sort());
    expect(operationByProcedure.size).toBe(Object.keys(Procedure).length);
    for (const [name, number] of Object.entries(Procedure)) {
      const operation = operationByProcedure.get(number);
      expect(operation).toBe(operations[name as OperationName]);
      expect(operation?.name).toBe(`DAFS_PROC_${name}`);
    }
  });

  it('leaves out the numbers that the draft leaves out', () => {
    const unused = [107, 120, 121, 154];
    for (let number = 100; number <= 160; number++) {
      expect(operationByProcedure.has(number)).toBe(!unused.includes(number));
    }
  });

  it('divides them into the categories of section 4.3.1', () => {
    expect(named('special')).toEqual(
      words(`CLIENT_CONNECT CLIENT_AUTH SERVER_AUTH CLIENT_CONNECT_AUTH CONNECT_BIND DISCONNECT
        SECINFO REGISTER_CRED RELEASE_CRED GET_FENCING_LIST SET_FENCING_LIST DISCARD_RESPONSES`),
    );
    expect(named('bulk-fetch')).toEqual(
      words(`GETATTR_DIRECT GETATTR_INLINE GET_FSATTR READLINK_DIRECT READLINK_INLINE READ_DIRECT
        READ_INLINE READDIR_DIRECT READDIR_INLINE`),
    );
    expect(named('simple')).toEqual(
      words(`ACCESS CACHE_HINT CHECK_RESPONSE FETCH_RESPONSE GET_ROOT_HANDLE LOOKUP LOOKUPP NVERIFY
        NULL OPENATTR VERIFY`),
    );
    expect(named('fs-state-modifying')).toEqual(
      words(`APPEND_DIRECT APPEND_INLINE BATCH_SUBMIT CLOSE COMMIT CREATE DELEGPURGE DELEGRETURN
        HURRY_UP LINK OPEN REMOVE RENAME SETATTR_DIRECT SETATTR_INLINE WRITE_DIRECT WRITE_INLINE`),
    );
    expect(named('lock-state-modifying')).toEqual(words('OPEN_DOWNGRADE LOCK LOCKT LOCKU'));
    expect(named('back-control')).toEqual(
      words('BC_NULL BC_BATCH_COMPLETION BC_GETATTR BC_RECALL'),
    );
  });

  it('derives from the category what may be chained and what is cached', () => {
    expect(operations.LOCK).toMatchObject({ modifies: false, cached: true, chainable: true });
    expect(operations.APPEND_DIRECT).toMatchObject({
      modifies: true,
      cached: true,
      chainable: true,
    });
    // What does no harm when it is done twice.
    expect(operations.WRITE_DIRECT).toMatchObject({
      modifies: true,
      cached: false,
      chainable: true,
    });
    expect(operations.LOOKUP).toMatchObject({ modifies: false, cached: false, chainable: true });
    expect(operations.SECINFO).toMatchObject({ cached: false, chainable: false });
    expect(operations.BC_RECALL).toMatchObject({ chainable: false, channel: 'back-control' });
  });

  it.each(Object.values(operations))('names existing fields and errors for $name', (operation) => {
    const fieldsOf = (side: 'arguments' | 'results'): string[] => {
      const { node } = operation[side].layout;
      return node.kind === 'structure' ? node.members.map(({ name }) => name) : [];
    };
    const first = (path: string): string => path.split('.')[0] as string;
    const { chain, direct } = operation;
    const argumentFields = [chain.takesFilehandle, chain.takesStateId, direct?.buffers];
    for (const path of argumentFields.filter((path) => path !== undefined)) {
      expect(fieldsOf('arguments')).toContain(first(path));
    }
    for (const path of [chain.givesFilehandle, chain.givesStateId]) {
      if (path !== undefined) expect(fieldsOf('results')).toContain(first(path));
    }
    if (direct !== undefined) expect(fieldsOf(direct.checksum)).toContain('directChecksum');
    expect(new Set(operation.errors).size).toBe(operation.errors.length);
    for (const name of operation.errors) expect(DafsStatus[name]).toBeGreaterThan(0);
  });

  it('lets a client that is not authenticated do nothing but that', () => {
    const allowed = Object.values(operations).filter((operation) => operation.beforeAuthentication);
    expect(allowed.map(({ name }) => name.slice('DAFS_PROC_'.length)).sort()).toEqual(
      words('CLIENT_AUTH CLIENT_CONNECT CLIENT_CONNECT_AUTH CONNECT_BIND DISCONNECT SECINFO'),
    );
  });
});

describe('status numbers', () => {
  it('are distinct and have names', () => {
    const numbers = Object.values(DafsStatus);
    expect(new Set(numbers).size).toBe(numbers.length);
    expect(statusName(15009)).toBe('DAFSERR_CHAIN_FORM');
    expect(statusName(4711)).toBeUndefined();
  });

  it('mean something to POSIX', () => {
    const failures = Object.keys(DafsStatus).filter((name) => name !== 'DAFS_STATUS_OK');
    expect(Object.keys(errnoByStatus).sort()).toEqual(failures.sort());
  });
});

describe('attribute bitmaps', () => {
  it('count attributes from the least significant bit', () => {
    expect(fileAttributeBitmap('namedAttr')).toBe(1);
    expect(fileAttributeBitmap('mode', 'ownerGroup')).toBe(0x1000020);
    expect(fileSystemAttributeBitmap('fhExpireType', 'maxAppend')).toBe(2 ** 33 + 2 ** 31);
    // The draft's, and what the extension XATTR adds from the other end of the word.
    expect(ALL_FILE_ATTRIBUTES).toBe(2 ** 25 - 1 + 0xf * 2 ** 27);
    expect(ALL_FILE_SYSTEM_ATTRIBUTES).toBe(2 ** 34 - 1 - 2 ** 30);
    expect(hasAttribute(0x1000020, FileAttribute.OWNER_GROUP)).toBe(true);
    expect(hasAttribute(0x1000020, FileAttribute.OWNER)).toBe(false);
    expect(hasAttribute(2 ** 33, 34)).toBe(true);
  });
});
