#!/usr/bin/env -S node --max-semi-space-size=16
// One member, run like etcd. What has to be settled before the rest can even be loaded stands here.
import "./base/node-version.cjs";
import { ignoreUnheededSignals } from "./base/unheeded-signals.ts";

ignoreUnheededSignals();
const { runMember } = await import("./member/program.ts");
await runMember();
