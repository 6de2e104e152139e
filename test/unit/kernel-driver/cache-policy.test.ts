import { beforeEach, describe, expect, test } from 'vitest';
import { CacheBoard, CacheMode } from '../../../mount/drivers/kernel/cache-board.ts';
import {
  CachePolicy,
  keepsNamesWhenShared,
  type TimeoutOptions,
} from '../../../mount/drivers/kernel/cache-policy.ts';
import type { Nodeid } from '../../../mount/file-system.ts';
import { Fopen } from '../../../mount/kernel-abi/constants.ts';

const nodeid = (value: number) => value as Nodeid;

let memory: SharedArrayBuffer;
let board: CacheBoard;
let takenBack: Nodeid[];

beforeEach(() => {
  memory = CacheBoard.createMemory(2);
  board = new CacheBoard(memory);
  takenBack = [];
});

const noOptions: TimeoutOptions = {
  attributeTimeoutSeconds: undefined,
  entryTimeoutSeconds: undefined,
  negativeTimeoutSeconds: undefined,
};

function policyOf(worker = 0, options = noOptions): CachePolicy {
  return new CachePolicy(new CacheBoard(memory), worker, options, {
    invalidateAttributes(taken) {
      takenBack.push(taken);
      return true;
    },
  });
}

/** Begins a request in this mode. */
function inMode(policy: CachePolicy, mode: CacheMode): void {
  board.setMode(mode);
  policy.begin();
}

const keeps = (policy: CachePolicy, file: Nodeid, isCoherent = true) =>
  (policy.fileFlags(file, isCoherent) & Fopen.KEEP_CACHE) !== 0;

describe('what the kernel may believe', () => {
  test('is nothing as long as nobody tells what others change', () => {
    const policy = policyOf();
    inMode(policy, CacheMode.UNTOLD);
    const { validity } = policy;
    expect(validity).toEqual({ attributesSeconds: 0, entrySeconds: 0, negativeSeconds: 0 });
    expect(keeps(policy, nodeid(7))).toBe(false);
    expect(policy.directoryFlags()).toBe(0);
  });

  test('with others about is attributes and pages, but no names and no listings', () => {
    const policy = policyOf();
    inMode(policy, CacheMode.SHARED);
    expect(policy.validity).toMatchObject({ entrySeconds: 0, negativeSeconds: 0 });
    expect(policy.validity.attributesSeconds).toBeGreaterThan(0);
    expect(keeps(policy, nodeid(7))).toBe(true);
    expect(policy.directoryFlags()).toBe(0);
  });

  test('alone is everything', () => {
    const policy = policyOf();
    inMode(policy, CacheMode.ALONE);
    const { attributesSeconds, entrySeconds, negativeSeconds } = policy.validity;
    expect(Math.min(attributesSeconds, entrySeconds, negativeSeconds)).toBeGreaterThan(1);
    expect(keeps(policy, nodeid(7))).toBe(true);
    expect(policy.directoryFlags()).toBe(Fopen.KEEP_CACHE | Fopen.CACHE_DIR);
  });

  test('changes with the mode, but not while a request is under way', () => {
    const policy = policyOf();
    inMode(policy, CacheMode.ALONE);
    board.setMode(CacheMode.SHARED);
    expect(policy.validity.entrySeconds).toBeGreaterThan(0);
    policy.end();
    policy.begin();
    expect(policy.validity.entrySeconds).toBe(0);
  });

  test('is what the user says, whatever the mode', () => {
    const options = {
      attributeTimeoutSeconds: 3,
      entryTimeoutSeconds: 0.5,
      negativeTimeoutSeconds: 0,
    };
    const policy = policyOf(0, options);
    const said = { attributesSeconds: 3, entrySeconds: 0.5, negativeSeconds: 0 };
    expect(policy.validity).toEqual(said);
    for (const mode of Object.values(CacheMode)) {
      inMode(policy, mode);
      expect(policy.validity).toEqual(said);
    }
    expect(keepsNamesWhenShared(options)).toBe(true);
    expect(keepsNamesWhenShared({ ...options, entryTimeoutSeconds: 0 })).toBe(false);
    expect(keepsNamesWhenShared({ ...noOptions, negativeTimeoutSeconds: 1 })).toBe(true);
    expect(keepsNamesWhenShared(noOptions)).toBe(false);
  });
});

describe('a file that is opened', () => {
  test('before a change of it was heard of loses its pages, and its attributes are taken back', () => {
    const policy = policyOf();
    inMode(policy, CacheMode.SHARED);
    expect(keeps(policy, nodeid(7), false)).toBe(false);
    expect(takenBack).toEqual([7]);
    expect(keeps(policy, nodeid(7), true)).toBe(true);
    expect(takenBack).toEqual([7]);
  });

  test('for the first time since everything became doubtful loses its pages, in each worker', () => {
    const policies = [policyOf(0), policyOf(1)];
    for (const policy of policies) inMode(policy, CacheMode.SHARED);
    expect(keeps(policies[0] as CachePolicy, nodeid(7))).toBe(true);
    for (let doubt = 0; doubt < 2; doubt++) {
      board.nextGeneration();
      for (const policy of policies) {
        expect(keeps(policy, nodeid(7))).toBe(false);
        expect(keeps(policy, nodeid(7))).toBe(true);
        expect(keeps(policy, nodeid(8))).toBe(false);
      }
    }
  });

  test('may be written by several at once without the page cache', () => {
    const policy = policyOf();
    expect(policy.fileFlags(nodeid(7), true) & Fopen.PARALLEL_DIRECT_WRITES).not.toBe(0);
  });
});

describe('the board', () => {
  test('tells when requests from before are through', () => {
    const policies = [policyOf(0), policyOf(1)] as const;
    expect(board.areDone(board.requestsUnderWay())).toBe(true);
    policies[0].begin();
    const requests = board.requestsUnderWay();
    expect(board.areDone(requests)).toBe(false);
    policies[1].begin();
    policies[1].end();
    expect(board.areDone(requests)).toBe(false);
    policies[0].end();
    expect(board.areDone(requests)).toBe(true);
    // The worker's next request is none of those.
    policies[0].begin();
    expect(board.areDone(requests)).toBe(true);
  });
});
