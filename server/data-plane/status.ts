import type { Engine } from '../engine/engine.ts';
import type { Service } from '../engine/service.ts';
import type { Session } from '../sessions/session.ts';
import type { DataPlaneStatus, SessionStatus } from './messages.ts';

/** What `dafs status` shows of a data plane. Nothing in it is a secret of a client. */
export function statusOf(engine: Engine, service: Service, cacheBytes: number): DataPlaneStatus {
  const { store, cache, sessions, opens } = service;
  const { totalBytes, freeBytes, files, blockBytes } = store.statistics();
  return {
    cache: { bytes: cacheBytes, dirtyBytes: cache.dirtyBytes },
    store: {
      totalBytes,
      freeBytes,
      files,
      blockBytes,
      readOnlyReason: store.breakdown?.message,
    },
    counters: {
      connections: engine.channelCount,
      clients: sessions.clientCount,
      requests: engine.requestCount,
      opens: opens.size,
    },
    refusals: service.rations.refusals,
    sessions: [...sessions.sessions()].map(sessionStatus),
  };
}

function sessionStatus(session: Session, index: number): SessionStatus {
  const { operations, claim, client, principal, parameters } = session;
  const { uid, pid } = operations.port.peer;
  return {
    number: index + 1,
    client: printable(claim.idString),
    uid,
    pid,
    isTrusted: principal?.isTrusted ?? false,
    requests: operations.requestCount,
    opens: client?.opens.size ?? 0,
    credentials: client?.credentials.size ?? 0,
    maxRequests: parameters.maxRequests,
    hasBackControl: session.backControl !== undefined,
    hasRdmaRead: session.rdmaRead !== undefined,
    extensions: [...session.extensions],
  };
}

/** A client chooses its id string: it must not be able to write to the terminal of whoever looks. */
const printable = (text: string): string =>
  text.replace(
    /[^ -~]/g,
    (character) => `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`,
  );
