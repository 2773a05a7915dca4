"use client";

import { Eye, EyeOff } from "lucide-react";
import { signIn } from "next-auth/react";
import { type FormEvent, useEffect, useRef, useState } from "react";
import { Button } from "@/components/ui/button";
import { Field, Input } from "@/components/ui/input";
import { Notice } from "@/components/ui/notice";
import { useNow } from "@/components/ui/now";
import { formatDuration } from "@/lib/browser/format";
import { THROTTLED } from "@/lib/schema/session";

type Failure =
  | { readonly kind: "wrong" }
  | { readonly kind: "throttled"; readonly until: number }
  | { readonly kind: "unreachable" };

export function LoginForm({ next }: { next: string }) {
  const [failure, setFailure] = useState<Failure | null>(null);
  const [isBusy, setIsBusy] = useState(false);
  const user = useRef<HTMLInputElement>(null);
  const password = useRef<HTMLInputElement>(null);
  useEffect(() => user.current?.focus(), []);
  const now = useNow(1_000);
  const opensAt = failure?.kind === "throttled" ? failure.until : now;
  const waitSeconds = Math.max(0, Math.ceil((opensAt - now) / 1_000));

  const submit = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    setIsBusy(true);
    const found = await attempt(user.current?.value ?? "", password.current?.value ?? "");
    if (found === null) {
      window.location.assign(next);
      return;
    }
    setIsBusy(false);
    setFailure(found);
    password.current?.select();
  };

  return (
    <form onSubmit={(event) => void submit(event)} className="flex flex-col gap-4">
      {failure === null ? null : <FailureNotice failure={failure} waitSeconds={waitSeconds} />}
      <Field label="User" htmlFor="username">
        <Input
          ref={user}
          id="username"
          name="username"
          autoComplete="username"
          onChange={() => setFailure(null)}
          autoCapitalize="none"
          required
          className="h-9"
        />
      </Field>
      <Field
        label="Password"
        htmlFor="password"
        hint="The first start printed the password of the user admin."
      >
        <PasswordInput inputRef={password} />
      </Field>
      <Button
        type="submit"
        tone="primary"
        busy={isBusy}
        disabled={waitSeconds > 0}
        className="h-9 w-full"
      >
        Sign in
      </Button>
    </form>
  );
}

function PasswordInput({ inputRef }: { inputRef: React.RefObject<HTMLInputElement | null> }) {
  const [isShown, setIsShown] = useState(false);
  return (
    <div className="relative">
      <Input
        ref={inputRef}
        id="password"
        name="password"
        type={isShown ? "text" : "password"}
        autoComplete="current-password"
        required
        className="h-9 pr-9"
      />
      <button
        type="button"
        aria-label={isShown ? "Hide password" : "Show password"}
        onClick={() => setIsShown(!isShown)}
        className="absolute inset-y-0 right-0 flex w-9 items-center justify-center text-ink-3 hover:text-ink"
      >
        {isShown ? (
          <EyeOff aria-hidden className="size-4" />
        ) : (
          <Eye aria-hidden className="size-4" />
        )}
      </button>
    </div>
  );
}

function FailureNotice({ failure, waitSeconds }: { failure: Failure; waitSeconds: number }) {
  if (failure.kind === "wrong") {
    return (
      <Notice tone="bad" title="Wrong user or password">
        Check both and try again. Passwords are case-sensitive.
      </Notice>
    );
  }
  if (failure.kind === "unreachable") {
    return (
      <Notice tone="bad" title="The console does not answer">
        It may be starting or have stopped. Nothing was checked.
      </Notice>
    );
  }
  return waitSeconds > 0 ? (
    <Notice tone="warn" title="Too many attempts">
      Try again in {formatDuration(waitSeconds)}.
    </Notice>
  ) : (
    <Notice tone="info" title="You can try again now" />
  );
}

/** Null when signed in. */
async function attempt(username: string, password: string): Promise<Failure | null> {
  try {
    const result = await signIn("credentials", { redirect: false, username, password });
    if (result?.ok === true && !result.error) return null;
    const [name, seconds] = (result?.error ?? "").split(":");
    if (name === THROTTLED) {
      return { kind: "throttled", until: Date.now() + Number(seconds ?? 1) * 1_000 };
    }
    return { kind: name === "CredentialsSignin" ? "wrong" : "unreachable" };
  } catch {
    return { kind: "unreachable" };
  }
}
