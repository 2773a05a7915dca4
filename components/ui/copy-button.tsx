"use client";

import { Check, Terminal } from "lucide-react";
import { useEffect, useState } from "react";
import { Button } from "@/components/ui/button";
import { useToaster } from "@/components/ui/toast";

const CONFIRMED_MS = 1_500;

/** Resolves to false where the browser refuses. */
export async function copyText(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copyBySelection(text);
  }
}

/** The clipboard API exists only on https and localhost. */
function copyBySelection(text: string): boolean {
  const area = document.createElement("textarea");
  area.value = text;
  area.setAttribute("readonly", "");
  area.className = "sr-only";
  document.body.append(area);
  area.select();
  const done = document.execCommand("copy");
  area.remove();
  return done;
}

interface CopyCommandProps {
  command: string | null;
  label?: string;
}

/** For the command line that does the same as what stands beside it; null shows nothing. */
export function CopyCommandButton({ command, label = "Copy as etcdctl" }: CopyCommandProps) {
  const [isCopied, setIsCopied] = useState(false);
  const toaster = useToaster();
  useEffect(() => {
    if (!isCopied) return;
    const timer = setTimeout(() => setIsCopied(false), CONFIRMED_MS);
    return () => clearTimeout(timer);
  }, [isCopied]);
  if (command === null) return null;
  const copy = async () => {
    if (await copyText(command)) setIsCopied(true);
    else toaster.failed("Not copied", "The browser did not allow it.");
  };
  return (
    <Button tone="quiet" size="sm" title={command} onClick={() => void copy()}>
      {isCopied ? <Check className="text-good" /> : <Terminal />}
      {isCopied ? "Copied" : label}
    </Button>
  );
}
