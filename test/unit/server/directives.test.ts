/** The server's own requests, on back-control channels. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { operations } from '../../../client/protocol/operations.ts';
import type { Directives } from '../../../server/engine/directives.ts';
import { type ReceivedDirective, TestBackControl } from './support/back-control.ts';
import { TestServer } from './support/test-server.ts';

let server: TestServer;
beforeEach(() => {
  server = new TestServer();
});
afterEach(() => {
  expect(server.faults).toEqual([]);
  server.close();
});

function open(options: { maxRequests?: number; checksums?: boolean; littleEndian?: boolean } = {}) {
  const { littleEndian = true, checksums = false } = options;
  const connection = server.connection();
  const { sessionId } = connection.connect({
    littleEndian,
    connect: { useBackControlChannel: true, useChecksums: checksums },
  });
  const client = new TestBackControl(server, sessionId, options);
  const directives = connection.channel.session?.backControl?.directives as Directives;
  const ends: (number | undefined)[] = [];
  const send = () => directives.send(operations.BC_NULL, {}, (status) => ends.push(status));
  return { connection, client, directives, ends, send };
}

describe('requests on the back-control channel', () => {
  it.each([
    [false, true],
    [true, true],
    [false, false],
  ])('are answered by the client (checksums: %s, little-endian: %s)', (checksums, littleEndian) => {
    const { client, ends, send } = open({ checksums, littleEndian });
    send();
    const [received] = client.take() as [ReceivedDirective];
    expect(received).toMatchObject({ procedure: operations.BC_NULL.procedure, args: {} });
    expect(ends).toEqual([]);
    client.answer(received, 22);
    expect(ends).toEqual([22]);
  });

  it('go out as many at a time as the client takes, in the order they were given', () => {
    const { client, ends, send } = open({ maxRequests: 2 });
    for (let count = 0; count < 4; count += 1) {
      send();
    }
    const first = client.take();
    expect(first.map(({ header }) => header.streamId)).toEqual([0, 1]);
    client.answer(first[1] as ReceivedDirective);
    const second = client.take();
    expect(second.map(({ header }) => header.streamId)).toEqual([1]);
    client.answer(first[0] as ReceivedDirective);
    client.answer(second[0] as ReceivedDirective);
    const third = client.take();
    expect(third).toHaveLength(1);
    client.answer(third[0] as ReceivedDirective);
    expect(ends).toEqual([0, 0, 0, 0]);
    const analyzers = [...first, ...second, ...third].map(({ header }) => header.analyzerHigh);
    expect(new Set(analyzers).size).toBe(4);
  });

  it('end without an answer when the channel is lost', () => {
    const { connection, client, ends, send } = open({ maxRequests: 1 });
    send();
    send();
    client.connection.die();
    expect(ends).toEqual([undefined, undefined]);
    expect(connection.call('NULL', {}).status).toBe('OK');
    expect(connection.channel.session?.backControl).toBeUndefined();
  });

  it('end without an answer when the session ends', () => {
    const { connection, ends, send } = open();
    send();
    connection.die();
    expect(ends).toEqual([undefined]);
  });

  it('are not answered by what answers nothing: that ends the channel alone', () => {
    const { connection, client, ends, send } = open();
    send();
    const [received] = client.take() as [ReceivedDirective];
    client.answer({ ...received, header: { ...received.header, analyzerHigh: 77 } });
    expect(client.connection.closeReason).toContain('is of no request');
    expect(ends).toEqual([undefined]);
    expect(connection.call('NULL', {}).status).toBe('OK');
  });
});
