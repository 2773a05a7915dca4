import type { ReactNode } from "react";
import { Button } from "@/components/ui/button";
import { Notice } from "@/components/ui/notice";
import type { WriteFailure } from "@/lib/browser/write-failure";

interface WriteFailureNoticeProps {
  failure: WriteFailure | null;
  /** What was to become of the key. */
  aim: "saved" | "created" | "deleted";
  /** Offered where nobody knows what has become of the key: to look. */
  onReload?: () => void;
  actions?: ReactNode;
}

/** That a write failed; where it may have happened all the same, it does not say otherwise. */
export function WriteFailureNotice({ failure, aim, onReload, actions }: WriteFailureNoticeProps) {
  if (failure === null) return null;
  const title = failure.isUnknown ? `Not known whether it was ${aim}` : `Not ${aim}`;
  const reload =
    failure.isUnknown && onReload !== undefined ? (
      <Button size="sm" onClick={onReload}>
        Reload the key
      </Button>
    ) : null;
  return (
    <Notice tone="bad" title={title} actions={actions ?? reload}>
      {failure.text}
    </Notice>
  );
}
