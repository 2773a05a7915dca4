import type { ReactNode } from "react";
import { Notice } from "@/components/ui/notice";
import type { WriteFailure } from "@/lib/browser/write-failure";

interface WriteFailureNoticeProps {
  failure: WriteFailure | null;
  /** What was to become of the key. */
  aim: "saved" | "created" | "deleted";
  actions?: ReactNode;
}

/** That a write failed; where it may have happened all the same, it does not say otherwise. */
export function WriteFailureNotice({ failure, aim, actions }: WriteFailureNoticeProps) {
  if (failure === null) return null;
  const title = failure.isUnknown ? `Not known whether it was ${aim}` : `Not ${aim}`;
  return (
    <Notice tone="bad" title={title} actions={actions}>
      {failure.text}
    </Notice>
  );
}
