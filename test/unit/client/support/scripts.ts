import {
  DafsStatus,
  type Filehandle,
  HEADER_BYTES,
  operations,
  type StateId,
} from '../../../../client/protocol/index.ts';
import { mutate } from '../../../fuzz/support/mutations.ts';
import { goldenVectors } from '../../../golden/vectors.ts';
import { Random } from '../../../support/random.ts';
import { type Peer, type Script, sendDirective } from './scripted-server.ts';

const LENGTH_OFFSET = 32;
const random = new Random(Number(process.env.DAFS_FUZZ_SEED ?? 1));

/** What is answered to each procedure in the golden vectors. */
const goldenResults = new Map(
  goldenVectors
    .filter(({ side, external }) => side === 'results' && external === undefined)
    .map(({ operation, value }) => [`DAFS_PROC_${operation}`, value]),
);

/** Procedures without which there is no session, or that move data. */
const isOwn = (name: string): boolean => /CONNECT|NULL|READ_|WRITE_|ROOT_HANDLE|FSATTR/.test(name);

/** Requests that a script holds back, by slot. */
const held: number[] = [];

/** What the server of a test does, by the test's name for it. */
export const scripts: Record<string, Script> = {
  plain: {},

  // Right answers that chance has been at; most keep the header by which they are matched.
  mutants: {
    results: ({ name }) => (isOwn(name) ? undefined : goldenResults.get(name)),
    tamper: (peer, response) => {
      if (random.oneIn(4)) return;
      const from = random.oneIn(30) || response.length <= HEADER_BYTES ? 0 : HEADER_BYTES;
      const changed = mutate(response.bytes.slice(from, response.length), random);
      response.bytes.set(changed.subarray(0, response.bytes.length - from), from);
      response.length = Math.min(from + changed.length, response.bytes.length);
      response.view.setUint32(LENGTH_OFFSET, response.length, peer.littleEndian);
    },
  },

  'wants bigger responses': { terms: { maxResponseSize: 1 << 20 } },

  'has fewer resources': {
    terms: { maxRequests: 2, maxRequestSize: 4096, maxResponseSize: 4096 },
    targetNreq: () => 2,
  },

  'answers late and backwards': {
    intercept(peer, slot) {
      if (isSpecial(peer)) return false;
      held.push(slot);
      if (held.length === 4) {
        for (const waiting of held.splice(0).reverse()) peer.answer(waiting);
      }
      return true;
    },
  },

  'shrinks credits to one': { targetNreq: () => 1 },

  'dies at the third request': {
    intercept(peer) {
      if (peer.requests === 4) process.kill(process.pid, 'SIGKILL');
      return false;
    },
  },

  'never answers': { intercept: (peer) => !isSpecial(peer) },

  'answers nobody': {
    tamper: (_, response) => response.view.setUint32(20, 0xdeadbeef, true),
  },

  'says another length': {
    tamper: (peer, response) => response.view.setUint32(32, 7, peer.littleEndian),
  },

  'breaks checksums': {
    tamper: (_, response) => {
      response.bytes[30] = (response.bytes[30] as number) ^ 1;
    },
  },

  'sends malformed results': {
    intercept(peer, slot) {
      if (peer.header.procedure !== operations.READLINK_INLINE.procedure) return false;
      const response = peer.channel.sendSlot(slot);
      response.length = 48;
      response.view.setUint32(40, 4096, peer.littleEndian);
      peer.respond(slot, DafsStatus.DAFS_STATUS_OK);
      return true;
    },
  },

  'moves little at a time': { transferBytes: 100_000 },
  'moves very little at a time': { transferBytes: 1000 },
  'leaves data unstable': { leavesUnstable: true },

  'sends directives': {
    intercept(peer) {
      if (peer.header.procedure === operations.NULL.procedure) {
        sendDirective((message) => {
          operations.BC_RECALL.arguments.encode(message, {
            filehandle: new Uint8Array(64).fill(9) as Filehandle,
            stateId: 77n as StateId,
            truncate: false,
          });
          return operations.BC_RECALL;
        });
      }
      return false;
    },
  },
};

function isSpecial(peer: Peer): boolean {
  const { procedure } = peer.header;
  return procedure === operations.DISCONNECT.procedure;
}
