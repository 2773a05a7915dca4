import { readFileSync } from "node:fs";
import type { ReplicatedState } from "../apply/replicated-state.ts";
import type { Clock } from "../base/clock.ts";
import type { Log } from "../base/log.ts";
import type { Random } from "../base/random.ts";
import type { Config } from "../config.ts";
import { jwtKeys } from "../credentials/jwt-keys.ts";
import { JwtTokens } from "../credentials/jwt-tokens.ts";
import {
  COST_DEFAULT,
  COST_MAX,
  COST_MIN,
  isPossibleCost,
  Passwords,
} from "../credentials/passwords.ts";
import { SimpleTokens } from "../credentials/simple-tokens.ts";
import { parseTokenOptions, TokenOptionsError } from "../credentials/token-options.ts";
import { NoTokens, type Tokens } from "../credentials/tokens.ts";
import { Callers } from "../rpc/callers.ts";

/** Everything by which callers are told apart. */
export interface Credentials {
  readonly tokens: Tokens;
  readonly passwords: Passwords;
  readonly callers: Callers;
}

interface Surroundings {
  readonly config: Config;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

/**
 * @param catchUp resolves when all that was acknowledged anywhere before the call is applied here
 * @throws TokenOptionsError for an `--auth-token` that cannot work
 */
export function openCredentials(
  surroundings: Surroundings,
  state: ReplicatedState,
  catchUp: () => Promise<void>,
): Credentials {
  const log = surroundings.log.named("auth");
  const tokens = openTokens({ ...surroundings, log }, state, catchUp);
  const auth = () => state.auth;
  const { bcryptCost } = surroundings.config;
  const isPossible = isPossibleCost(bcryptCost);
  if (!isPossible) {
    log.warn("use default bcrypt cost instead of the invalid given cost", {
      "min-cost": COST_MIN,
      "max-cost": COST_MAX,
      "default-cost": COST_DEFAULT,
      "given-cost": bcryptCost,
    });
  }
  return {
    tokens,
    passwords: new Passwords(isPossible ? bcryptCost : COST_DEFAULT),
    callers: new Callers({ auth, tokens, log }),
  };
}

function openTokens(
  { config, log, clock, random }: Surroundings,
  state: ReplicatedState,
  catchUp: () => Promise<void>,
): Tokens {
  const options = parseTokenOptions(config.authToken);
  if (options.kind === "none") return new NoTokens();
  if (options.kind === "simple") {
    log.warn("simple token is not cryptographically signed");
    const appliedIndex = () => state.applied.index;
    const ttlSeconds = config.authTokenTtlSeconds;
    return new SimpleTokens({ clock, random, ttlSeconds, appliedIndex, catchUp });
  }
  const { signMethod, publicKeyFile, privateKeyFile, ttlMs, unknownKeys } = options;
  if (unknownKeys.length > 0) log.warn("unknown JWT options", { keys: unknownKeys });
  const keys = jwtKeys(signMethod, contentOf(publicKeyFile, log), contentOf(privateKeyFile, log));
  return new JwtTokens({ keys, ttlMs, clock, log });
}

function contentOf(path: string, log: Log): Buffer | undefined {
  if (path === "") return undefined;
  try {
    return readFileSync(path);
  } catch (error) {
    log.error("problem loading JWT options", { error });
    throw new TokenOptionsError("auth: invalid auth options");
  }
}
