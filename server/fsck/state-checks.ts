import { StateKind } from '../store/state-table.ts';
import { type Check, sqlCheck } from './check.ts';

const { CLIENT, SESSION, CREDENTIAL, RESPONSE, OPEN, LOCK, INSTANCE } = StateKind;

/**
 * What an entry of a client must be, and whose: sessions/client-records.ts and response-cache.ts,
 * state/open-record.ts and lock-record.ts.
 */
interface Belonging {
  readonly what: string;
  readonly kind: StateKind;
  /** What it belongs to: the kind of that, and its key. */
  readonly owner: readonly [what: string, kind: StateKind, key: string] | undefined;
}

/** In this order: what belongs to something that is removed is found after it. */
const belongings: readonly Belonging[] = [
  {
    what: 'client',
    kind: CLIENT,
    owner: undefined,
  },
  {
    what: 'credential',
    kind: CREDENTIAL,
    owner: ['client', CLIENT, 'substr(key, 1, 8)'],
  },
  {
    what: 'session',
    kind: SESSION,
    owner: ['client', CLIENT, 'substr(value, 1, 8)'],
  },
  {
    what: 'response',
    kind: RESPONSE,
    owner: ['session', SESSION, 'substr(key, 1, 8)'],
  },
  // Those of clients that are gone are not damage: a server that starts forgets them.
  {
    what: 'open',
    kind: OPEN,
    owner: undefined,
  },
  {
    what: 'lock',
    kind: LOCK,
    owner: undefined,
  },
  {
    what: 'instance',
    kind: INSTANCE,
    owner: undefined,
  },
];

const isWhole = 'isEntry(kind, key, value)';

/** What the server knows of clients, and of what it has answered them. */
export const stateChecks: readonly Check[] = belongings.map(({ what, kind, owner }) => {
  const [whose, ownerKind, ownerKey] = owner ?? ['', 0, ''];
  const isOwned =
    owner === undefined
      ? 'TRUE'
      : `${ownerKey} IN (SELECT key FROM state WHERE kind = ${ownerKind})`;
  return sqlCheck({
    kind: what,
    subject: `what the server knows of its clients: ${what}s`,
    query: `SELECT key, ${isWhole} AS isWhole FROM state
      WHERE kind = ${kind} AND NOT (${isWhole} AND ${isOwned})`,
    describe: ({ isWhole }) =>
      isWhole ? `a ${what} belongs to no ${whose}` : `a ${what} cannot be read`,
    remedy: 'it was removed',
    changes: [`DELETE FROM state WHERE kind = ${kind} AND key = @key`],
  });
});
