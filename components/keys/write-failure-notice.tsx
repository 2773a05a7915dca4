import type { ReactNode } from "react";
import { Button } from "@/components/ui/button";
import { Notice } from "@/components/ui/notice";
import { failureTitle, type WriteAim, type WriteFailure } from "@/lib/browser/write-failure";

interface WriteFailureNoticeProps {
  failure: WriteFailure | null;
  aim: WriteAim;
  /** Offered where nobody knows what has become of the key: to look. */
  onReload?: () => void;
  actions?: ReactNode;
}

/** That a write failed, as far as that is known. */
export function WriteFailureNotice({ failure, aim, onReload, actions }: WriteFailureNoticeProps) {
  if (failure === null) return null;
  const reload =
    failure.isUnknown && onReload !== undefined ? (
      <Button size="sm" onClick={onReload}>
        Reload the key
      </Button>
    ) : null;
  return (
    <Notice tone="bad" title={failureTitle(failure, aim)} actions={actions ?? reload}>
      {failure.text}
    </Notice>
  );
}
