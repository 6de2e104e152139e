import { Extension } from '../../client/protocol/extensions.ts';
import type { Handlers } from '../engine/handler.ts';
import type { Service } from '../engine/service.ts';
import type { Session } from '../sessions/session.ts';

/** Whether a session gets an extension that it asks for, by the extension's number. */
type Grant = (service: Service, session: Session) => boolean;

const toEveryone: Grant = () => true;
const toTrusted: Grant = (_service, { principal }) => principal?.isTrusted === true;

/** Whoever sees the cache sees everybody's files. */
const toReadersOfAll: Grant = (service, session) =>
  service.exported !== undefined && toTrusted(service, session);

const grants: ReadonlyMap<Extension, Grant> = new Map([
  [Extension.ORDMA, toReadersOfAll],
  // Names of files in directories that not everybody may read are told to those who see all files.
  [Extension.NOTIFY, toTrusted],
  [Extension.NAMES, toEveryone],
  [Extension.SPACE, toEveryone],
  [Extension.XATTR, toEveryone],
  [Extension.LOCKS, toEveryone],
  // Who may speak for the superuser may say what others may do.
  [Extension.CAPABILITIES, toTrusted],
]);

/** Agreeing on extensions (EXTENSIONS.md of the protocol). */
export const extensionHandlers = {
  EXTENSIONS(service, { session }, { wanted }) {
    const granted = wanted.filter((extension) => grants.get(extension)?.(service, session));
    for (const extension of granted) {
      session.extensions.add(extension);
    }
    return { granted };
  },
} satisfies Handlers;
