/** Section 6.2: connection and security management. */

import { ascii, clientId, credHandle, request, response, sessionId, verifier } from './vector.ts';

const negotiated = {
  useChecksums: true,
  useResponseCache: false,
  maxCredentials: 16,
  maxRequestSize: 8192,
  maxResponseSize: 16384,
  maxRequests: 32,
  inlineWriteHeaderSize: 256,
  useBackControlChannel: true,
  useRdmaReadChannel: false,
};

const connect = {
  ...negotiated,
  fenceIdString: 'f',
  clientIdString: ascii('c1'),
  clientVerifier: verifier,
};

export const sessionVectors = [
  request(
    'CLIENT_AUTH',
    { authReq: { authType: 0 } },
    `
    00  u32  00 00 00 00              auth_type = DAFS_AUTH_NONE
    04  raw  00*12                    union, padded to dafs_auth_gss
  `,
    { title: 'AUTH_NONE' },
  ),
  request(
    'CLIENT_AUTH',
    { authReq: { authType: 1, authId: 'ann', authPassword: 'pw' } },
    `
    00  u32  01 00 00 00              auth_type = DAFS_AUTH_TEXT
    04  u32  10 00 00 00              auth_id: offset
    08  u32  18 00 00 00              auth_password: offset
    0c  raw  00*4                     union, padded to dafs_auth_gss
    10  u32  03 00 00 00              auth_id: count
    14  raw  61 6e 6e                 auth_id
    17  raw  00                       to the next counted array
    18  u32  02 00 00 00              auth_password: count
    1c  raw  70 77                    auth_password
    1e  raw  00*2                     end of message
  `,
    { title: 'AUTH_TEXT' },
  ),
  request(
    'CLIENT_AUTH',
    {
      authReq: { authType: 2, procedure: 1, service: 3, token: Uint8Array.of(0xde, 0xad) },
    },
    `
    00  u32  02 00 00 00              auth_type = DAFS_AUTH_GSS
    04  u32  01 00 00 00              procedure = DAFS_GSS_OP_INIT
    08  u32  03 00 00 00              service = DAFS_GSS_SVC_PRIVACY
    0c  u32  10 00 00 00              token: offset
    10  u32  02 00 00 00              token: count
    14  raw  de ad                    token
    16  raw  00*2                     end of message
  `,
    { title: 'AUTH_GSS' },
  ),
  request(
    'CLIENT_AUTH',
    { authReq: { authType: 3 } },
    `
    00  u32  03 00 00 00              auth_type = DAFS_AUTH_DEFAULT
    04  raw  00*12                    union, padded to dafs_auth_gss
  `,
    { title: 'AUTH_DEFAULT' },
  ),
  response(
    'CLIENT_AUTH',
    { authRes: { authType: 0 }, trusted: true },
    `
    00  u32  00 00 00 00              auth_type = DAFS_AUTH_NONE
    04  raw  00*12                    union, padded to dafs_auth_gss_res
    10  u8   01                       trusted
    11  raw  00*3                     end of structure
    14  raw  00*4                     end of message
  `,
  ),
  response(
    'CLIENT_AUTH',
    {
      authRes: { authType: 2, gssMajor: 0x0102, gssMinor: 3, gssToken: Uint8Array.of(0xbe, 0xef) },
      trusted: false,
    },
    `
    00  u32  02 00 00 00              auth_type = DAFS_AUTH_GSS
    04  u32  02 01 00 00              gss_major
    08  u32  03 00 00 00              gss_minor
    0c  u32  18 00 00 00              gss_token: offset
    10  u8   00                       trusted
    11  raw  00*3                     end of structure
    14  raw  00*4                     to the first counted array
    18  u32  02 00 00 00              gss_token: count
    1c  raw  be ef                    gss_token
    1e  raw  00*2                     end of message
  `,
    { title: 'AUTH_GSS' },
  ),
  request(
    'CLIENT_CONNECT',
    connect,
    `
    00  u32  01 00 00 00              use_checksums
    04  u32  00 00 00 00              use_response_cache
    08  u32  10 00 00 00              max_credentials
    0c  u32  00 20 00 00              max_request_size
    10  u32  00 40 00 00              max_response_size
    14  u32  20 00 00 00              max_requests
    18  u32  00 01 00 00              inline_write_header_size
    1c  u32  01 00 00 00              use_back_control_channel
    20  u32  00 00 00 00              use_rdma_read_channel
    24  u32  38 00 00 00              fence_id_string: offset
    28  u32  40 00 00 00              client_id_string: offset
    2c  raw  00*4                     to an 8-byte field
    30  raw  01 02 03 04 05 06 07 08  client_verifier
    38  u32  01 00 00 00              fence_id_string: count
    3c  raw  66                       fence_id_string
    3d  raw  00*3                     to the next counted array
    40  u32  02 00 00 00              client_id_string: count
    44  raw  63 31                    client_id_string
    46  raw  00*2                     end of message
  `,
  ),
  response(
    'CLIENT_CONNECT',
    { sessionId, clientId, ...negotiated },
    `
    00  raw  01 02 03 04 05 06 07 08  session_id
    08  raw  01 02 03 04 05 06 07 08  client_id
    10  u32  01 00 00 00              use_checksums
    14  u32  00 00 00 00              use_response_cache
    18  u32  10 00 00 00              max_credentials
    1c  u32  00 20 00 00              max_request_size
    20  u32  00 40 00 00              max_response_size
    24  u32  20 00 00 00              max_requests
    28  u32  00 01 00 00              inline_write_header_size
    2c  u32  01 00 00 00              use_back_control_channel
    30  u32  00 00 00 00              use_rdma_read_channel
    34  raw  00*4                     end of structure
  `,
  ),
  request(
    'CLIENT_CONNECT_AUTH',
    { ...connect, authReq: { authType: 1, authId: 'u', authPassword: '' } },
    `
    00  u32  01 00 00 00              use_checksums
    04  u32  00 00 00 00              use_response_cache
    08  u32  10 00 00 00              max_credentials
    0c  u32  00 20 00 00              max_request_size
    10  u32  00 40 00 00              max_response_size
    14  u32  20 00 00 00              max_requests
    18  u32  00 01 00 00              inline_write_header_size
    1c  u32  01 00 00 00              use_back_control_channel
    20  u32  00 00 00 00              use_rdma_read_channel
    24  u32  48 00 00 00              fence_id_string: offset
    28  u32  50 00 00 00              client_id_string: offset
    2c  raw  00*4                     to an 8-byte field
    30  raw  01 02 03 04 05 06 07 08  client_verifier
    38  u32  01 00 00 00              auth_type = DAFS_AUTH_TEXT
    3c  u32  58 00 00 00              auth_id: offset
    40  u32  60 00 00 00              auth_password: offset
    44  raw  00*4                     union, padded to dafs_auth_gss
    48  u32  01 00 00 00              fence_id_string: count
    4c  raw  66                       fence_id_string
    4d  raw  00*3                     to the next counted array
    50  u32  02 00 00 00              client_id_string: count
    54  raw  63 31                    client_id_string
    56  raw  00*2                     to the next counted array
    58  u32  01 00 00 00              auth_id: count
    5c  raw  75                       auth_id
    5d  raw  00*3                     to the next counted array
    60  u32  00 00 00 00              auth_password: count, nothing follows
    64  raw  00*4                     end of message
  `,
  ),
  response(
    'CLIENT_CONNECT_AUTH',
    {
      sessionId,
      clientId,
      ...negotiated,
      authRes: { authType: 1 },
      trusted: true,
    },
    `
    00  raw  01 02 03 04 05 06 07 08  session_id
    08  raw  01 02 03 04 05 06 07 08  client_id
    10  u32  01 00 00 00              use_checksums
    14  u32  00 00 00 00              use_response_cache
    18  u32  10 00 00 00              max_credentials
    1c  u32  00 20 00 00              max_request_size
    20  u32  00 40 00 00              max_response_size
    24  u32  20 00 00 00              max_requests
    28  u32  00 01 00 00              inline_write_header_size
    2c  u32  01 00 00 00              use_back_control_channel
    30  u32  00 00 00 00              use_rdma_read_channel
    34  u32  01 00 00 00              auth_type = DAFS_AUTH_TEXT
    38  raw  00*12                    union, padded to dafs_auth_gss_res
    44  u8   01                       trusted
    45  raw  00*3                     end of structure
  `,
  ),
  request(
    'CONNECT_BIND',
    {
      sessionId,
      channelUse: 2,
      maxRequestSize: 4096,
      maxResponseSize: 8192,
      maxRequests: 4,
      authReq: { authType: 3 },
    },
    `
    00  raw  01 02 03 04 05 06 07 08  session_id
    08  u16  02 00                    channel_use = DAFS_RDMA_READ_CHANNEL
    0a  raw  00*2                     to a 4-byte field
    0c  u32  00 10 00 00              max_request_size
    10  u32  00 20 00 00              max_response_size
    14  u32  04 00 00 00              max_requests
    18  u32  03 00 00 00              auth_type = DAFS_AUTH_DEFAULT
    1c  raw  00*12                    union, padded to dafs_auth_gss
  `,
  ),
  response(
    'CONNECT_BIND',
    {
      maxRequestSize: 4096,
      maxResponseSize: 8192,
      maxRequests: 4,
      authRes: { authType: 3 },
      trusted: false,
    },
    `
    00  u32  00 10 00 00              max_request_size
    04  u32  00 20 00 00              max_response_size
    08  u32  04 00 00 00              max_requests
    0c  u32  03 00 00 00              auth_type = DAFS_AUTH_DEFAULT
    10  raw  00*12                    union, padded to dafs_auth_gss_res
    1c  u8   00                       trusted
    1d  raw  00*3                     end of structure
  `,
  ),
  request('DISCONNECT', {}, ''),
  response('DISCONNECT', {}, ''),
  request(
    'REGISTER_CRED',
    { cred: { credType: 1, uid: 1000, gid: -2, groups: [100, 101] } },
    `
    00  u32  01 00 00 00              cred_type = DAFS_CRED_ID
    04  u32  e8 03 00 00              uid
    08  u32  fe ff ff ff              gid
    0c  u32  10 00 00 00              groups: offset
    10  u32  02 00 00 00              groups: count
    14  u32  64 00 00 00              groups[0]
    18  u32  65 00 00 00              groups[1]
    1c  raw  00*4                     end of message
  `,
    { title: 'CRED_ID' },
  ),
  request(
    'REGISTER_CRED',
    { cred: { credType: 0, name: 'root' } },
    `
    00  u32  00 00 00 00              cred_type = DAFS_CRED_NAME
    04  u32  10 00 00 00              name: offset
    08  raw  00*8                     union, padded to uid, gid and groups
    10  u32  04 00 00 00              name: count
    14  raw  72 6f 6f 74              name
  `,
    { title: 'CRED_NAME' },
  ),
  request(
    'REGISTER_CRED',
    { cred: { credType: 2, name: Uint8Array.of(4, 1) } },
    `
    00  u32  02 00 00 00              cred_type = DAFS_CRED_GSS
    04  u32  10 00 00 00              name: offset
    08  raw  00*8                     union, padded to uid, gid and groups
    10  u32  02 00 00 00              name: count
    14  raw  04 01                    name
    16  raw  00*2                     end of message
  `,
    { title: 'CRED_GSS' },
  ),
  request(
    'REGISTER_CRED',
    { cred: { credType: 3 } },
    `
    00  u32  03 00 00 00              cred_type = DAFS_CRED_DEFAULT
    04  raw  00*12                    union, padded to uid, gid and groups
  `,
    { title: 'CRED_DEFAULT' },
  ),
  response(
    'REGISTER_CRED',
    { credHandle },
    `
    00  raw  0a 0b 0c 0d              cred_handle
    04  raw  00*4                     end of message
  `,
  ),
  request(
    'REGISTER_CRED2',
    {
      uid: 1000,
      gid: -2,
      groups: [100],
      capabilities: 0x8000_0002,
      keepsAccessTimes: true,
    },
    `
    00  u32  e8 03 00 00              uid
    04  u32  fe ff ff ff              gid
    08  u32  18 00 00 00              groups: offset
    0c  u32  02 00 00 80              capabilities = SETFCAP | DAC_OVERRIDE
    10  u32  01 00 00 00              keeps_access_times
    14  raw  00*4                     pad
    18  u32  01 00 00 00              groups: count
    1c  u32  64 00 00 00              groups[0]
  `,
  ),
  response(
    'REGISTER_CRED2',
    { credHandle },
    `
    00  raw  0a 0b 0c 0d              cred_handle
    04  raw  00*4                     end of message
  `,
  ),
  request(
    'RELEASE_CRED',
    { credHandle },
    `
    00  raw  0a 0b 0c 0d              cred_handle
    04  raw  00*4                     end of message
  `,
  ),
  response('RELEASE_CRED', {}, ''),
  request('SECINFO', {}, ''),
  response(
    'SECINFO',
    {
      secinfo: [
        { info: { authType: 1 } },
        { info: { authType: 2, oid: Uint8Array.of(0x2a, 0x86), qop: 7, gssService: 1 } },
      ],
    },
    `
    00  u32  08 00 00 00              secinfo: offset
    04  raw  00*4                     to the first counted array
    08  u32  02 00 00 00              secinfo: count
    0c  u32  01 00 00 00              secinfo[0].auth_type = DAFS_AUTH_TEXT
    10  raw  00*12                    union, padded to oid, qop and gss_service
    1c  u32  02 00 00 00              secinfo[1].auth_type = DAFS_AUTH_GSS
    20  u32  28 00 00 00              oid: offset from secinfo
    24  u32  07 00 00 00              qop
    28  u32  01 00 00 00              gss_service = DAFS_GSS_SVC_AUTH
    2c  raw  00*4                     to the next counted array
    30  u32  02 00 00 00              oid: count
    34  raw  2a 86                    oid
    36  raw  00*2                     end of message
  `,
  ),
  request(
    'SERVER_AUTH',
    { authType: 1 },
    `
    00  u32  01 00 00 00              auth_type = DAFS_AUTH_TEXT
    04  raw  00*4                     end of message
  `,
  ),
  response(
    'SERVER_AUTH',
    { authData: { authType: 1, authId: 'srv', authPassword: 'pw' } },
    `
    00  u32  08 00 00 00              auth_id: offset
    04  u32  10 00 00 00              auth_password: offset
    08  u32  03 00 00 00              auth_id: count
    0c  raw  73 72 76                 auth_id
    0f  raw  00                       to the next counted array
    10  u32  02 00 00 00              auth_password: count
    14  raw  70 77                    auth_password
    16  raw  00*2                     end of message
  `,
    { title: 'AUTH_TEXT', external: 1 },
  ),
  response(
    'SERVER_AUTH',
    { authData: { authType: 2 } },
    `
    00  raw  00*8                     union, padded to dafs_auth_text
  `,
    { title: 'AUTH_GSS', external: 2 },
  ),
];
