import { bodyOf } from "../apply/outcome.ts";
import type { ReplicatedState } from "../apply/replicated-state.ts";
import type { Log } from "../base/log.ts";
import type { Passwords } from "../credentials/passwords.ts";
import type { Tokens } from "../credentials/tokens.ts";
import { EtcdError } from "../errors.ts";
import { InternalAuthenticateRequest } from "../proto/gen/internal.ts";
import {
  AuthDefinition,
  type AuthenticateRequest,
  AuthenticateResponse,
  AuthUserAddRequest,
  AuthUserChangePasswordRequest,
} from "../proto/gen/rpc.ts";
import { InternalField } from "../proto/internal-codec.ts";
import type { Replica } from "../replica/replica.ts";
import { decodeRequest } from "./call-errors.ts";
import type { MethodKey } from "./definition.ts";
import type { CallContext, Dispatcher } from "./dispatch.ts";
import type { Headers } from "./header.ts";
import type { Proposer } from "./proposer.ts";
import { checkPassword } from "./sign-in.ts";

export interface AuthServiceOptions {
  readonly replica: Replica;
  readonly state: ReplicatedState;
  readonly proposer: Proposer;
  readonly tokens: Tokens;
  readonly passwords: Passwords;
  readonly headers: Headers;
  readonly log: Log;
}

/** What goes into the log as the client sent it, and is answered with what applying it gave. */
const LOGGED = {
  authEnable: InternalField.AUTH_ENABLE,
  authDisable: InternalField.AUTH_DISABLE,
  authStatus: InternalField.AUTH_STATUS,
  userGet: InternalField.AUTH_USER_GET,
  userList: InternalField.AUTH_USER_LIST,
  userDelete: InternalField.AUTH_USER_DELETE,
  userGrantRole: InternalField.AUTH_USER_GRANT_ROLE,
  userRevokeRole: InternalField.AUTH_USER_REVOKE_ROLE,
  roleAdd: InternalField.AUTH_ROLE_ADD,
  roleGet: InternalField.AUTH_ROLE_GET,
  roleList: InternalField.AUTH_ROLE_LIST,
  roleDelete: InternalField.AUTH_ROLE_DELETE,
  roleGrantPermission: InternalField.AUTH_ROLE_GRANT_PERMISSION,
  roleRevokePermission: InternalField.AUTH_ROLE_REVOKE_PERMISSION,
} as const satisfies Partial<Record<MethodKey<typeof AuthDefinition>, InternalField>>;

/** Users, roles, and signing in. */
export function registerAuth(dispatcher: Dispatcher, options: AuthServiceOptions): void {
  const { proposer, passwords, headers } = options;
  for (const [key, field] of Object.entries(LOGGED)) {
    const { requestType } = AuthDefinition.methods[key as keyof typeof LOGGED];
    dispatcher.rawUnary(AuthDefinition, key as keyof typeof LOGGED, async (bytes, call) => {
      const request = reencode(requestType, bytes);
      return headers.reply(await proposer.propose(call, field, request));
    });
  }
  dispatcher.unary(AuthDefinition, "userAdd", async (request, call) => {
    const proposed = AuthUserAddRequest.encode(
      request.options?.noPassword === true
        ? request
        : { ...request, ...(await hashed(passwords, request.password, call)) },
    ).finish();
    const { revision } = await proposer.propose(call, InternalField.AUTH_USER_ADD, proposed);
    return { header: headers.at(revision) };
  });
  dispatcher.unary(AuthDefinition, "userChangePassword", async (request, call) => {
    // An empty one is left as it is, so that nobody can sign in with it: etcd's way.
    const proposed = AuthUserChangePasswordRequest.encode(
      request.password === ""
        ? request
        : { ...request, ...(await hashed(passwords, request.password, call)) },
    ).finish();
    const field = InternalField.AUTH_USER_CHANGE_PASSWORD;
    const { revision } = await proposer.propose(call, field, proposed);
    return { header: headers.at(revision) };
  });
  dispatcher.unary(AuthDefinition, "authenticate", (request, call) =>
    authenticate(options, request, call),
  );
}

/** Without what only another make could read: the log must mean the same to all members. */
function reencode<T>(
  codec: { decode(bytes: Uint8Array): T; encode(message: T): { finish(): Uint8Array } },
  bytes: Buffer,
): Uint8Array {
  return codec.encode(decodeRequest(codec, bytes)).finish();
}

/** Every member stores the same hash, and the log holds no password. */
async function hashed(passwords: Passwords, password: string, call: CallContext) {
  const hash = await passwords.hash(password, call);
  return { password: "", hashedPassword: hash.toString("base64") };
}

/**
 * The password is judged here, once; the log only tells all members of the sign-in. If users or
 * roles changed meanwhile, so may have the password: then all of it again.
 */
async function authenticate(
  { replica, state, proposer, tokens, passwords, headers, log }: AuthServiceOptions,
  { name, password }: AuthenticateRequest,
  call: CallContext,
): Promise<AuthenticateResponse> {
  await replica.readBarrier(call);
  for (;;) {
    const { auth } = state;
    const authRevision = await checkPassword({ auth, passwords, log }, name, password, call);
    if (call.isCanceled) throw new EtcdError("Canceled");
    const simpleToken = tokens.newPrefix();
    const request = InternalAuthenticateRequest.encode({ name, password: "", simpleToken });
    const field = InternalField.AUTHENTICATE;
    const outcome = await proposer.proposeUnnamed(call, field, request.finish());
    if (authRevision !== state.auth.revision) continue;
    const logged = AuthenticateResponse.decode(bodyOf(outcome)).token;
    const token = await tokens.issue(name, authRevision, logged);
    return { header: headers.at(outcome.revision), token };
  }
}
