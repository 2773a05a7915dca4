"use client";

import { Eye, EyeOff } from "lucide-react";
import { type FormEvent, useEffect, useRef, useState } from "react";
import { Button } from "@/components/ui/button";
import { Field, Input } from "@/components/ui/input";
import { Notice } from "@/components/ui/notice";
import { useNow } from "@/components/ui/now";
import { useHydrated } from "@/components/ui/use-hydrated";
import { formatDuration } from "@/lib/browser/format";
import { errorText, RequestError } from "@/lib/browser/request";
import { signIn } from "@/lib/browser/sign-in";

type Failure =
  | { readonly kind: "wrong" }
  | { readonly kind: "throttled"; readonly until: number }
  | { readonly kind: "unreachable"; readonly wasSent: boolean }
  | { readonly kind: "refused"; readonly text: string };

export function LoginForm({ next }: { next: string }) {
  const [failure, setFailure] = useState<Failure | null>(null);
  const [isBusy, setIsBusy] = useState(false);
  const user = useRef<HTMLInputElement>(null);
  const password = useRef<HTMLInputElement>(null);
  const isHydrated = useHydrated();
  useEffect(() => {
    // The fields are there before this runs: whoever types already must not be moved elsewhere.
    if (document.activeElement === document.body) user.current?.focus();
  }, []);
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
    <form
      // A form that the browser sent by itself would else put the password into the address.
      method="post"
      onSubmit={(event) => void submit(event)}
      className="flex flex-col gap-4"
    >
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
        disabled={!isHydrated || waitSeconds > 0}
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
        It may be starting or have stopped.{" "}
        {failure.wasSent ? "The password may have been checked." : "Nothing was checked."}
      </Notice>
    );
  }
  if (failure.kind === "refused") {
    return (
      <Notice tone="bad" title="Sign-in was refused">
        {failure.text}
      </Notice>
    );
  }
  return waitSeconds > 0 ? (
    <Notice tone="warn" title="Too many attempts">
      Try again in <span aria-live="off">{formatDuration(waitSeconds)}</span>.
    </Notice>
  ) : (
    <Notice tone="info" title="You can try again now" />
  );
}

/** Null when signed in. */
async function attempt(username: string, password: string): Promise<Failure | null> {
  try {
    const outcome = await signIn(username, password);
    if (outcome.kind === "signed-in") return null;
    if (outcome.kind === "wrong") return outcome;
    if (outcome.kind === "unanswered") return { kind: "unreachable", wasSent: true };
    return { kind: "throttled", until: Date.now() + outcome.waitSeconds * 1_000 };
  } catch (error) {
    if (error instanceof RequestError && error.code === "offline") {
      return { kind: "unreachable", wasSent: false };
    }
    return { kind: "refused", text: refusalText(error) };
  }
}

function refusalText(error: unknown): string {
  const text = errorText(error).replace(/\.?$/, ".");
  if (!(error instanceof RequestError) || error.code !== "forbidden") return text;
  return `${text} A proxy before the console must pass on the Host header as it is.`;
}
