import { describe, expect, it } from 'vitest';
import { ReceiveCredits } from '../../../server/sessions/credits.ts';

const channel = () => {
  let posted = 0;
  const credits = new ReceiveCredits(() => {
    posted += 1;
  });
  credits.begin();
  return { credits, posted: () => posted };
};

describe('ReceiveCredits', () => {
  it('posts one receive for the first message', () => {
    const { credits, posted } = channel();
    expect(posted()).toBe(1);
    expect(credits.current).toBe(1);
  });

  it('posts as many receives as were negotiated before the first response', () => {
    const { credits, posted } = channel();
    credits.negotiated(8);
    credits.beforeResponse();
    expect(posted()).toBe(1 + 8);
    expect(credits.current).toBe(8);
    expect(credits.target).toBe(8);
  });

  it('keeps the number of receives level from then on', () => {
    const { credits, posted } = channel();
    credits.negotiated(4);
    for (let response = 0; response < 10; response += 1) {
      credits.beforeResponse();
    }
    expect(credits.current).toBe(4);
    expect(posted()).toBe(1 + 4 + 9);
  });

  it('shrinks by one per response and grows at once (section 3.2.6.4.2)', () => {
    const { credits } = channel();
    credits.negotiated(6);
    credits.beforeResponse();
    credits.desire(3);
    expect(credits.target).toBe(3);
    const course = Array.from({ length: 4 }, () => {
      credits.beforeResponse();
      return credits.current;
    });
    expect(course).toEqual([5, 4, 3, 3]);
    credits.desire(100);
    credits.beforeResponse();
    expect(credits.current).toBe(6);
  });

  it('never goes below one, whatever is desired', () => {
    const { credits } = channel();
    credits.negotiated(2);
    credits.beforeResponse();
    credits.desire(0);
    expect(credits.target).toBe(2);
    credits.desire(1);
    credits.beforeResponse();
    credits.beforeResponse();
    credits.beforeResponse();
    expect(credits.current).toBe(1);
  });
});
