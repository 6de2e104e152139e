/** Inputs that a decoder once took badly: it ended with a stack, or what it took ended the server later. */
export const findings: readonly {
  readonly target: string;
  readonly what: string;
  /** In hexadecimal. */
  readonly input: string;
}[] = [
  {
    target: 'rows of what clients hold',
    what: 'a client that is no JSON',
    input: '010800000000000000097b226964537472696e67223a226101',
  },
  {
    target: 'rows of what clients hold',
    what: 'a client that lacks everything',
    input: '010800000000000000097b7d',
  },
  {
    target: 'rows of what clients hold',
    what: 'a client with a credential of no groups',
    input:
      '010800000000000000097b226964537472696e67223a2261222c227665726966696572223a2231222c227072696e636970616c223a7b226d6574686f64223a302c226e616d65223a22222c2263726564656e7469616c223a7b22756964223a302c22676964223a307d2c22697354727573746564223a747275657d2c2270726f63657373223a7b22706964223a317d2c2263726564656e7469616c4361706163697479223a312c226c61737443726564656e7469616c48616e646c65223a317d',
  },
  {
    target: 'rows of what clients hold',
    what: 'a client with a key too long',
    input: '01090000000000000009007b7d',
  },
  {
    target: 'rows of what clients hold',
    what: 'an open that is too short',
    input: '050800000000000000090000000000000000000000000000000000000000',
  },
  {
    target: 'rows of what clients hold',
    what: 'locks of more opens than there are',
    input:
      '061100000000000000000000000000000000007f7f7f7f7f7f7f7f000000000000000000000000000000000000000000000000000000000000000000',
  },
  {
    target: 'rows of what clients hold',
    what: 'locks of a mode that there is not',
    input:
      '06110000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000009',
  },
  {
    target: 'rows of what clients hold',
    what: 'an instance that is too short',
    input: '070000',
  },
  {
    target: 'rows of what clients hold',
    what: 'a response that is too short',
    input: '040a0000000000000009000000',
  },
];
