/** Holes, allocation and copying: SPACE of EXTENSIONS.md. */

import { filehandle, request, response, stateId } from './vector.ts';

const fh = filehandle(0x11);
const other = filehandle(0x22);

export const spaceVectors = [
  request(
    'SEEK',
    { filehandle: fh, stateId, offset: 4096, content: 1 },
    `
    00  raw  11*64                    filehandle
    40  raw  01 02 03 04 05 06 07 08  state_id
    48  u64  00 10 00 00 00 00 00 00  offset
    50  u32  01 00 00 00              content = HOLE
    54  raw  00*4                     end of structure
  `,
  ),
  response(
    'SEEK',
    { offset: 65_536 },
    `
    00  u64  00 00 01 00 00 00 00 00  offset
  `,
  ),
  request(
    'FALLOCATE',
    { filehandle: fh, stateId, offset: 65_536, length: 4096, mode: 3 },
    `
    00  raw  11*64                    filehandle
    40  raw  01 02 03 04 05 06 07 08  state_id
    48  u64  00 00 01 00 00 00 00 00  offset
    50  u64  00 10 00 00 00 00 00 00  length
    58  u32  03 00 00 00              mode = PUNCH_HOLE | KEEP_SIZE
    5c  raw  00*4                     end of structure
  `,
  ),
  response('FALLOCATE', {}, ''),
  request(
    'COPY',
    {
      sourceFilehandle: fh,
      filehandle: other,
      sourceStateId: stateId,
      stateId,
      sourceOffset: 1,
      offset: 2,
      length: 2 ** 33,
    },
    `
    00  raw  11*64                    source_filehandle
    40  raw  22*64                    filehandle
    80  raw  01 02 03 04 05 06 07 08  source_state_id
    88  raw  01 02 03 04 05 06 07 08  state_id
    90  u64  01 00 00 00 00 00 00 00  source_offset
    98  u64  02 00 00 00 00 00 00 00  offset
    a0  u64  00 00 00 00 02 00 00 00  length
  `,
  ),
  response(
    'COPY',
    { count: 4_194_304 },
    `
    00  u64  00 00 40 00 00 00 00 00  count
  `,
  ),
];
