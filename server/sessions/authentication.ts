import { AuthType } from '../../client/protocol/constants.ts';
import type { AuthRequest } from '../../client/protocol/operations/session.ts';
import { DafsStatus } from '../../client/protocol/status.ts';
import type { Credential } from '../access-control.ts';
import type { PeerIdentity } from '../engine/channel.ts';
import { refuse } from '../engine/refusal.ts';
import type { Principal } from './session.ts';

/** Checks a password and tells later, or at once, whose credential it opens. */
export type PasswordVerifier = (
  name: string,
  password: string,
  done: (credential: Credential | undefined) => void,
) => void;

export interface AuthenticationOptions {
  /** The user that the server runs as: his processes and root's are trusted. */
  readonly serverUid: number;
  /** Present when the server has a password file. */
  readonly verifyPassword: PasswordVerifier | undefined;
}

/**
 * How clients prove who they are (sections 3.1.1.1 and 6.2.2). The kernel vouches for the uid of
 * the process at the other end, so that no proof is needed from the server's own user and from
 * root: they could read the database anyway. Others get their own credentials and no more, unless
 * they know a password.
 */
export class Authentication {
  readonly #options: AuthenticationOptions;

  constructor(options: AuthenticationOptions) {
    this.#options = options;
  }

  /** The methods open to a peer, for SECINFO. */
  methods(peer: PeerIdentity): AuthType[] {
    const methods: AuthType[] = [AuthType.DAFS_AUTH_DEFAULT];
    if (this.#isTrusted(peer)) {
      methods.unshift(AuthType.DAFS_AUTH_NONE);
    }
    if (this.#options.verifyPassword !== undefined) {
      methods.push(AuthType.DAFS_AUTH_TEXT);
    }
    return methods;
  }

  /**
   * Authenticates a peer and hands its principal to `done`, at once except for passwords; undefined
   * when the method is not for this peer or name or password are wrong.
   *
   * @throws Refusal DAFSERR_NOTSUPP when the server does not have the method.
   */
  authenticate(
    peer: PeerIdentity,
    request: AuthRequest,
    done: (principal: Principal | undefined) => void,
  ): void {
    switch (request.authType) {
      case AuthType.DAFS_AUTH_NONE:
        done(this.#isTrusted(peer) ? ownPrincipal(peer, AuthType.DAFS_AUTH_NONE, true) : undefined);
        return;
      case AuthType.DAFS_AUTH_DEFAULT:
        done(ownPrincipal(peer, AuthType.DAFS_AUTH_DEFAULT, false));
        return;
      case AuthType.DAFS_AUTH_TEXT:
        this.#checkPassword(peer, request.authId, request.authPassword, done);
        return;
      default:
        refuse(DafsStatus.DAFSERR_NOTSUPP);
    }
  }

  #checkPassword(
    peer: PeerIdentity,
    name: string,
    password: string,
    done: (principal: Principal | undefined) => void,
  ): void {
    const verify = this.#options.verifyPassword ?? refuse(DafsStatus.DAFSERR_NOTSUPP);
    const isTrusted = this.#isTrusted(peer);
    verify(name, password, (credential) => {
      const method = AuthType.DAFS_AUTH_TEXT;
      done(credential && { method, name, credential, isTrusted });
    });
  }

  #isTrusted(peer: PeerIdentity): boolean {
    return peer.uid === 0 || peer.uid === this.#options.serverUid;
  }
}

const ownPrincipal = (peer: PeerIdentity, method: AuthType, isTrusted: boolean): Principal => ({
  method,
  name: `uid ${peer.uid}`,
  credential: { uid: peer.uid, gid: peer.gid, groups: [] },
  isTrusted,
});
