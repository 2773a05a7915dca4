"use client";

import { CircleAlert, CircleCheck, X } from "lucide-react";
import { Toast as Radix } from "radix-ui";
import { createContext, type ReactNode, useCallback, useContext, useMemo, useState } from "react";
import { ClientOnly } from "@/components/ui/client-only";

interface Message {
  readonly id: number;
  readonly tone: "good" | "bad";
  readonly title: string;
  readonly text?: string | undefined;
}

interface Toaster {
  /** Something the user asked for is done. */
  done(title: string, text?: string): void;
  /** Something the user asked for did not happen; stays longer. */
  failed(title: string, text?: string): void;
}

const TOASTS_MAX = 4;
const DONE_MS = 4_000;
const FAILED_MS = 12_000;

const ToasterContext = createContext<Toaster | null>(null);

export function useToaster(): Toaster {
  const toaster = useContext(ToasterContext);
  if (toaster === null) throw new Error("useToaster needs a ToastProvider above it");
  return toaster;
}

let lastId = 0;

export function ToastProvider({ children }: { children: ReactNode }) {
  const [messages, setMessages] = useState<readonly Message[]>([]);
  const push = useCallback((tone: Message["tone"], title: string, text?: string) => {
    lastId += 1;
    const id = lastId;
    setMessages((now) => [...now, { id, tone, title, text }].slice(-TOASTS_MAX));
  }, []);
  const toaster = useMemo<Toaster>(
    () => ({
      done: (title, text) => push("good", title, text),
      failed: (title, text) => push("bad", title, text),
    }),
    [push],
  );
  const remove = (id: number) => setMessages((now) => now.filter((message) => message.id !== id));
  return (
    <ToasterContext value={toaster}>
      <Radix.Provider swipeDirection="right">
        {children}
        {messages.map((message) => (
          <ToastCard key={message.id} message={message} onClosed={() => remove(message.id)} />
        ))}
        <ClientOnly>
          <Radix.Viewport className="fixed bottom-4 left-1/2 z-70 flex w-88 -translate-x-1/2 max-w-[calc(100vw-32px)] flex-col gap-2 outline-none" />
        </ClientOnly>
      </Radix.Provider>
    </ToasterContext>
  );
}

function ToastCard({ message, onClosed }: { message: Message; onClosed: () => void }) {
  const good = message.tone === "good";
  const Icon = good ? CircleCheck : CircleAlert;
  return (
    <Radix.Root
      duration={good ? DONE_MS : FAILED_MS}
      type={good ? "background" : "foreground"}
      onOpenChange={(open) => {
        if (!open) onClosed();
      }}
      className="flex animate-rise items-start gap-2.5 rounded-lg border bg-raised px-3.5 py-3 shadow-float"
    >
      <Icon aria-hidden className={`mt-0.5 size-4 shrink-0 ${good ? "text-good" : "text-bad"}`} />
      <div className="min-w-0 flex-1">
        <Radix.Title className="text-sm font-medium break-words">{message.title}</Radix.Title>
        {message.text === undefined ? null : (
          <Radix.Description className="line-clamp-4 text-xs break-words text-ink-2">
            {message.text}
          </Radix.Description>
        )}
      </div>
      <Radix.Close
        aria-label="Dismiss"
        className="-m-1 rounded-sm p-1 text-ink-3 hover:bg-hover hover:text-ink"
      >
        <X aria-hidden className="size-3.5" />
      </Radix.Close>
    </Radix.Root>
  );
}
