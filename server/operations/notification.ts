import { DafsStatus } from '../../client/protocol/status.ts';
import type { Handlers } from '../engine/handler.ts';
import { refuse } from '../engine/refusal.ts';

/** Telling clients what others change (EXTENSIONS.md of the protocol, NOTIFY). */
export const notificationHandlers = {
  SUBSCRIBE(service, { session, client }, { wantsNames }) {
    const directives = session.backControl?.directives;
    if (directives === undefined) {
      refuse(DafsStatus.DAFSERR_ILLEGAL_STATE);
    }
    return { alone: service.notifications.subscribe(client, session, directives, wantsNames) };
  },
} satisfies Handlers;
