/** A client that is told what others change. */
import { Extension } from '../../../../client/protocol/extensions.ts';
import { type ArgumentsOf, operations } from '../../../../client/protocol/operations.ts';
import { type ReceivedDirective, TestBackControl } from './back-control.ts';
import { bytes, type TestConnection, type TestServer, text } from './test-server.ts';

export type Changes = ArgumentsOf<'BC_CHANGES'>;

/** What several messages tell together. */
export interface Told {
  readonly alone: boolean | undefined;
  readonly everything: boolean;
  readonly files: Readonly<Record<number, { isData: boolean; offset: number; length: number }>>;
  /** As `directory/name`. */
  readonly names: readonly string[];
}

/** Who may do anything to the files. */
export const ROOT_USER = { uid: 0, gid: 0 };

export interface SubscriberOptions {
  readonly name?: string;
  readonly wantsNames?: boolean;
  readonly maxRequests?: number;
}

export class Subscriber {
  readonly server: TestServer;
  readonly connection: TestConnection;
  readonly backControl: TestBackControl;
  /** What SUBSCRIBE returned. */
  readonly alone: boolean;

  constructor(server: TestServer, options: SubscriberOptions = {}) {
    this.server = server;
    this.connection = server.connection(ROOT_USER);
    const { sessionId } = this.connection.connect({
      connect: {
        useBackControlChannel: true,
        clientIdString: bytes(options.name ?? 'subscriber'),
      },
    });
    this.connection.call('EXTENSIONS', { wanted: [Extension.NOTIFY] });
    const { maxRequests = 8 } = options;
    this.backControl = new TestBackControl(server, sessionId, { maxRequests, peer: ROOT_USER });
    this.alone = this.subscribe(options.wantsNames ?? true);
  }

  subscribe(wantsNames: boolean): boolean {
    const { status, results } = this.connection.call('SUBSCRIBE', { wantsNames });
    if (status !== 'OK') {
      throw new Error(`SUBSCRIBE: ${status}`);
    }
    return results.alone;
  }

  /** The messages that have arrived, unanswered. */
  take(): ReceivedDirective[] {
    const received = this.backControl.take();
    for (const { procedure } of received) {
      if (procedure !== operations.BC_CHANGES.procedure) {
        throw new Error(`an unexpected request: ${procedure}`);
      }
    }
    return received;
  }

  /** Takes and answers messages until there are no more, while time goes on. */
  settle(): Told {
    const messages: Changes[] = [];
    for (;;) {
      this.server.monotonicMs += 1000;
      this.server.engine.finish();
      const received = this.take();
      if (received.length === 0) {
        return told(messages);
      }
      for (const directive of received) {
        messages.push(directive.args as Changes);
        this.backControl.answer(directive);
      }
    }
  }
}

export function told(messages: readonly Changes[]): Told {
  const files = messages.flatMap((message) => message.files);
  return {
    alone: messages.at(-1)?.alone,
    everything: messages.some(({ everything }) => everything),
    files: Object.fromEntries(
      files.map(({ fileId, isData, offset, length }) => [fileId, { isData, offset, length }]),
    ),
    names: messages.flatMap(({ names }) =>
      names.map(({ directory, name }) => `${directory}/${text(name)}`),
    ),
  };
}
