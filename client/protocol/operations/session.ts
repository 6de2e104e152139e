/** Connection and security management (section 6.2). */

import { AuthType, CredType, GssProcedure, GssService } from '../constants.ts';
import {
  array,
  boolean8,
  boolean32,
  enumeration,
  externalUnion,
  i32,
  opaque,
  structure,
  text,
  u16,
  u32,
  union,
  type ValueOf,
} from '../layout.ts';
import { errors, none, operation } from '../operation.ts';
import { clientId, credHandle, sessionId, verifier } from '../types.ts';

const authText = { authId: text, authPassword: text };

/** dafs_auth_req (section 6.1.9). */
const authRequest = union('authType', {
  [AuthType.DAFS_AUTH_NONE]: {},
  [AuthType.DAFS_AUTH_TEXT]: authText,
  [AuthType.DAFS_AUTH_GSS]: {
    procedure: enumeration(GssProcedure),
    service: enumeration(GssService),
    token: opaque,
  },
  [AuthType.DAFS_AUTH_DEFAULT]: {},
});
export type AuthRequest = ValueOf<typeof authRequest>;

/** dafs_auth_res (section 6.1.9). */
const authResult = union('authType', {
  [AuthType.DAFS_AUTH_NONE]: {},
  [AuthType.DAFS_AUTH_TEXT]: {},
  [AuthType.DAFS_AUTH_DEFAULT]: {},
  [AuthType.DAFS_AUTH_GSS]: { gssMajor: u32, gssMinor: u32, gssToken: opaque },
});
export type AuthResult = ValueOf<typeof authResult>;

const authInfo = structure({
  info: union('authType', {
    [AuthType.DAFS_AUTH_NONE]: {},
    [AuthType.DAFS_AUTH_TEXT]: {},
    [AuthType.DAFS_AUTH_GSS]: { oid: opaque, qop: u32, gssService: enumeration(GssService) },
    [AuthType.DAFS_AUTH_DEFAULT]: {},
  }),
});

/** What client and server negotiate, in the order that arguments and results share. */
const negotiated = {
  useChecksums: boolean32,
  useResponseCache: boolean32,
  maxCredentials: u32,
  maxRequestSize: u32,
  maxResponseSize: u32,
  maxRequests: u32,
  inlineWriteHeaderSize: u32,
  useBackControlChannel: boolean32,
  useRdmaReadChannel: boolean32,
};

const connectArguments = {
  ...negotiated,
  fenceIdString: text,
  clientIdString: opaque,
  clientVerifier: verifier,
};

const connectResults = { sessionId, clientId, ...negotiated };

const channelLimits = { maxRequestSize: u32, maxResponseSize: u32, maxRequests: u32 };

export const sessionOperations = {
  CLIENT_AUTH: operation('CLIENT_AUTH', {
    category: 'special',
    beforeAuthentication: true,
    arguments: ['DAFS_Client_Auth_Args', structure({ authReq: authRequest })],
    results: ['DAFS_Client_Auth_Res', structure({ authRes: authResult, trusted: boolean8 })],
    resultsOnError: ['DAFSERR_GSS_CONTINUE_INIT'],
    errors: errors('CHAIN_FORM', 'INVAL', 'NOT_AUTHORIZED', 'NOTSUPP'),
  }),
  CLIENT_CONNECT: operation('CLIENT_CONNECT', {
    category: 'special',
    beforeAuthentication: true,
    channel: 'new',
    arguments: ['DAFS_Client_Connect_Args', structure(connectArguments)],
    results: ['DAFS_Client_Connect_Res', structure(connectResults)],
    errors: errors('CHAIN_FORM', 'ILLEGAL_PROT', 'ILLEGAL_STATE', 'INVAL'),
  }),
  CLIENT_CONNECT_AUTH: operation('CLIENT_CONNECT_AUTH', {
    category: 'special',
    beforeAuthentication: true,
    channel: 'new',
    arguments: [
      'DAFS_Client_Connect_Auth_Args',
      structure({ ...connectArguments, authReq: authRequest }),
    ],
    results: [
      'DAFS_Client_Connect_Auth_Res',
      structure({ ...connectResults, authRes: authResult, trusted: boolean8 }),
    ],
    resultsOnError: ['DAFSERR_GSS_CONTINUE_INIT'],
    errors: errors(
      'CHAIN_FORM',
      'ILLEGAL_PROT',
      'ILLEGAL_STATE',
      'INVAL',
      'NOT_AUTHENTICATED',
      'NOTSUPP',
    ),
  }),
  CONNECT_BIND: operation('CONNECT_BIND', {
    category: 'special',
    beforeAuthentication: true,
    channel: 'new',
    arguments: [
      'DAFS_Connect_Bind_Args',
      structure({ sessionId, channelUse: u16, ...channelLimits, authReq: authRequest }),
    ],
    results: [
      'DAFS_Connect_Bind_Res',
      structure({ ...channelLimits, authRes: authResult, trusted: boolean8 }),
    ],
    resultsOnError: ['DAFSERR_GSS_CONTINUE_INIT'],
    errors: errors(
      'CHAIN_FORM',
      'ILLEGAL_STATE',
      'INVAL',
      'NOT_AUTHORIZED',
      'NOTSUPP',
      'UNKNOWN_SESSION',
    ),
  }),
  DISCONNECT: operation('DISCONNECT', {
    category: 'special',
    beforeAuthentication: true,
    arguments: ['DAFS_Disconnect_Args', none],
    results: ['DAFS_Disconnect_Res', none],
    errors: errors('CHAIN_FORM', 'INVAL', 'NOTSUPP'),
  }),
  REGISTER_CRED: operation('REGISTER_CRED', {
    category: 'special',
    arguments: [
      'DAFS_Register_Cred_Args',
      structure({
        cred: union('credType', {
          [CredType.DAFS_CRED_ID]: { uid: i32, gid: i32, groups: array(i32) },
          [CredType.DAFS_CRED_NAME]: { name: text },
          [CredType.DAFS_CRED_GSS]: { name: opaque },
          [CredType.DAFS_CRED_DEFAULT]: {},
        }),
      }),
    ],
    results: ['DAFS_Register_Cred_Res', structure({ credHandle })],
    errors: errors('CHAIN_FORM', 'INVAL', 'NOT_AUTHORIZED', 'NOTSUPP'),
  }),
  RELEASE_CRED: operation('RELEASE_CRED', {
    category: 'special',
    arguments: ['DAFS_Release_Cred_Args', structure({ credHandle })],
    results: ['DAFS_Release_Cred_Res', none],
    errors: errors('CHAIN_FORM', 'NOT_AUTHORIZED', 'NOTSUPP'),
  }),
  SECINFO: operation('SECINFO', {
    category: 'special',
    beforeAuthentication: true,
    arguments: ['DAFS_Secinfo_Args', none],
    results: ['DAFS_Secinfo_Res', structure({ secinfo: array(authInfo) })],
    errors: errors('CHAIN_FORM', 'NOTSUPP'),
  }),
  SERVER_AUTH: operation('SERVER_AUTH', {
    category: 'special',
    arguments: ['DAFS_Server_Auth_Args', structure({ authType: enumeration(AuthType) })],
    results: [
      'DAFS_Server_Auth_Res',
      structure({
        authData: externalUnion('authType', {
          [AuthType.DAFS_AUTH_NONE]: {},
          [AuthType.DAFS_AUTH_TEXT]: authText,
          [AuthType.DAFS_AUTH_GSS]: {},
          [AuthType.DAFS_AUTH_DEFAULT]: {},
        }),
      }),
    ],
    resultsDiscriminator: 'authType',
    errors: errors('CHAIN_FORM', 'INVAL', 'NOT_AUTHORIZED', 'NOTSUPP'),
  }),
};
