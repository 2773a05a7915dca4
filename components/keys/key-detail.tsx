"use client";

import { FileQuestion, TriangleAlert } from "lucide-react";
import { useEffect, useState } from "react";
import { ConflictDialog } from "@/components/keys/conflict-dialog";
import { DeleteKeyDialog } from "@/components/keys/delete-key-dialog";
import { KeyFacts } from "@/components/keys/key-facts";
import { KeyHeader } from "@/components/keys/key-header";
import type { KeysLocation } from "@/components/keys/keys-address";
import { LiveBadge } from "@/components/keys/live-badge";
import { SaveDialog } from "@/components/keys/save-dialog";
import { isOverrun, useSave } from "@/components/keys/use-save";
import { useStanding } from "@/components/keys/use-standing";
import { useValueEdit } from "@/components/keys/use-value-edit";
import { ValuePanel } from "@/components/keys/value-panel";
import { Badge } from "@/components/ui/badge";
import { Button } from "@/components/ui/button";
import { Blank, Notice } from "@/components/ui/notice";
import { Skeleton } from "@/components/ui/skeleton";
import { Waiting } from "@/components/ui/waiting";
import { compareDecimal } from "@/lib/browser/decimal";
import { useDraft } from "@/lib/browser/drafts";
import { deleteCommand, getCommand, putCommand } from "@/lib/browser/etcdctl";
import { formatDecimal } from "@/lib/browser/format";
import { formatKey } from "@/lib/browser/key-text";
import { type LiveState, useLiveKey } from "@/lib/browser/live-key";
import { keysHref, watchHref } from "@/lib/browser/page-address";
import { errorText } from "@/lib/browser/request";
import { decodeBase64, encodeBase64 } from "@/lib/schema/bytes";
import type { KeyValue } from "@/lib/schema/keys";

interface KeyDetailProps {
  location: KeysLocation;
  keyBytes: Uint8Array;
  onCreate: (key: Uint8Array) => void;
  /** The set of keys has changed by an act of this page. */
  onTreeChanged: () => void;
}

export function KeyDetail({ location, keyBytes, onCreate, onTreeChanged }: KeyDetailProps) {
  const { address } = location;
  const { data, error, live, refetch } = useLiveKey(address.cluster, keyBytes, address.revision);
  const draft = useDraft(address.cluster, encodeBase64(keyBytes));
  const [last, setLast] = useState<KeyValue | null>(null);
  if (data !== undefined && data.kv !== null && data.kv !== last) setLast(data.kv);
  const reload = () => void refetch();

  if (data === undefined) {
    if (error === null) return <DetailSkeleton />;
    return (
      <Blank
        icon={<TriangleAlert aria-hidden />}
        title="The key cannot be read"
        actions={<Button onClick={reload}>Try again</Button>}
      >
        {errorText(error)}
      </Blank>
    );
  }
  // An edit stays in reach when its key goes, also if that happened while another key was open.
  const gone = draft === undefined || address.revision !== undefined ? null : (last ?? draft.base);
  const shown = data.kv ?? gone;
  if (shown === null) {
    return (
      <MissingKey
        keyBytes={keyBytes}
        revision={address.revision}
        wasSeen={last !== null}
        onlyMember={data.onlyMember}
        cluster={address.cluster}
        onCreate={() => onCreate(keyBytes)}
      />
    );
  }
  return (
    <Detail
      location={location}
      kv={shown}
      revision={data.revision}
      isGone={data.kv === null}
      live={live}
      onlyMember={data.onlyMember}
      reload={reload}
      onDeleted={() => {
        location.close(keyBytes);
        onTreeChanged();
      }}
    />
  );
}

interface DetailProps {
  location: KeysLocation;
  kv: KeyValue;
  /** As of when this is; null when that is not known. */
  revision: string | null;
  isGone: boolean;
  live: LiveState;
  /** The one member that was asked, where there is no quorum. */
  onlyMember: string | null;
  reload: () => void;
  onDeleted: () => void;
}

function Detail(props: DetailProps) {
  const { location, kv, revision, isGone, live, onlyMember, reload, onDeleted } = props;
  const { address, go } = location;
  const { refusal, memberName } = useStanding(address.cluster);
  const copyOf = onlyMember === null ? null : memberName(onlyMember);
  const key = decodeBase64(kv.key);
  const isPast = address.revision !== undefined;
  const [isDeleting, setIsDeleting] = useState(false);
  const edit = useValueEdit(address.cluster, kv);
  const standing = { kv, revision, isGone, onlyMember };
  const save = useSave(address.cluster, standing, edit, reload);
  const mine = edit.parsed.ok ? edit.parsed.bytes : null;
  const isBehind = !isPast && edit.isEdited && isOverrun(standing, edit);
  const isBack = compareDecimal(kv.modRevision, edit.baseRevision) < 0;
  return (
    <section aria-label={`Key ${formatKey(key)}`} className="flex h-full min-w-0 flex-col bg-panel">
      <KeyHeader
        bytes={key}
        what="key"
        badges={
          <Badges kv={kv} isGone={isGone} live={live} revision={address.revision} copyOf={copyOf} />
        }
        link={keysHref({ ...address, key, folder: undefined })}
        watchLink={watchHref({ cluster: address.cluster, range: { kind: "key", bytes: key } })}
        commands={[
          { label: "Copy etcdctl get", command: getCommand(key, address.revision) },
          {
            label: "Copy etcdctl put",
            command: putCommand(key, mine ?? edit.base, kv.lease !== "0"),
          },
          { label: "Copy etcdctl del", command: deleteCommand(key) },
        ]}
        onDelete={isPast || isGone ? undefined : () => setIsDeleting(true)}
        deleteLabel="Delete key…"
        refusal={refusal}
        onBack={() => go({ key: undefined })}
      />
      <KeyFacts cluster={address.cluster} kv={kv} isPast={isPast || isGone} />
      {isBehind && !save.isSaving ? (
        <Notice
          tone="warn"
          className="mx-4 mb-3"
          title={
            isGone
              ? "The key was deleted while you edited it"
              : `${isBack ? "Went back to" : "Changed at"} revision ${formatDecimal(kv.modRevision)} while you edited it`
          }
          actions={
            <Button size="sm" onClick={save.compare}>
              Compare
            </Button>
          }
        >
          Your edit began at revision {formatDecimal(edit.baseRevision)} and is untouched.
        </Notice>
      ) : null}
      <ValuePanel
        keyBytes={key}
        edit={edit}
        readOnly={isPast}
        refusal={refusal}
        isSaving={save.isSaving}
        onReview={save.review}
      />
      {mine === null ? null : (
        <SaveDialog
          open={save.isReviewing}
          onOpenChange={(open) => (open ? save.review() : save.close())}
          keyBytes={key}
          before={edit.base}
          after={mine}
          baseRevision={edit.baseRevision}
          hasLease={kv.lease !== "0"}
          isSaving={save.isSaving}
          failure={save.failure}
          onSave={save.save}
          onReload={save.reload}
        />
      )}
      <ConflictDialog
        conflict={save.conflict}
        later={save.later}
        mine={mine}
        baseRevision={edit.baseRevision}
        isSaving={save.isSaving}
        failure={save.failure}
        onClose={save.close}
        onRebase={(theirs) => {
          edit.rebase(theirs);
          save.close();
        }}
        onOverwrite={save.overwrite}
        onReload={save.reload}
        onShowLater={save.compare}
        onDiscard={() => {
          edit.discard();
          save.close();
        }}
      />
      <DeleteKeyDialog
        cluster={address.cluster}
        kv={kv}
        open={isDeleting}
        onOpenChange={setIsDeleting}
        onReload={reload}
        onDeleted={onDeleted}
      />
    </section>
  );
}

interface BadgesProps {
  kv: KeyValue;
  isGone: boolean;
  live: LiveState;
  revision: string | undefined;
  /** The member whose own state this is, where the cluster could not be asked. */
  copyOf: string | null;
}

function Badges({ kv, isGone, live, revision, copyOf }: BadgesProps) {
  const isFresh = useFreshChange(kv.modRevision);
  if (revision !== undefined) {
    return <Badge tone="warn">As of revision {formatDecimal(revision)}, read-only</Badge>;
  }
  return (
    <>
      <LiveBadge state={live} />
      {copyOf === null ? null : <Badge tone="warn">Only what {copyOf} has; may be old</Badge>}
      {isGone ? <Badge tone="bad">Deleted</Badge> : null}
      <span aria-live="polite">
        {isFresh && !isGone ? <Badge tone="accent">Updated just now</Badge> : null}
      </span>
    </>
  );
}

const FRESH_MS = 4_000;

/** True for a few seconds after the value has changed in view. */
function useFreshChange(modRevision: string): boolean {
  const [seen, setSeen] = useState(modRevision);
  useEffect(() => {
    if (seen === modRevision) return;
    const timer = setTimeout(() => setSeen(modRevision), FRESH_MS);
    return () => clearTimeout(timer);
  }, [seen, modRevision]);
  return seen !== modRevision;
}

interface MissingKeyProps {
  keyBytes: Uint8Array;
  revision: string | undefined;
  wasSeen: boolean;
  /** The one member that was asked, where there is no quorum. */
  onlyMember: string | null;
  cluster: string;
  onCreate: () => void;
}

function MissingKey(props: MissingKeyProps) {
  const { keyBytes, revision, wasSeen, onlyMember, cluster, onCreate } = props;
  const { refusal, memberName } = useStanding(cluster);
  const title =
    onlyMember === null
      ? absence(revision, wasSeen)
      : `${memberName(onlyMember)} does not have this key${atRevision(revision)}`;
  return (
    <Blank
      icon={<FileQuestion aria-hidden />}
      title={title}
      actions={
        revision === undefined ? (
          <Button refusal={refusal} onClick={onCreate}>
            Create it
          </Button>
        ) : null
      }
    >
      <span className="font-mono text-xs [overflow-wrap:anywhere]">{formatKey(keyBytes)}</span>
      {onlyMember === null ? null : (
        <p className="pt-1">
          Only this member could be asked. It may be behind, and the key may exist.
        </p>
      )}
    </Blank>
  );
}

function atRevision(revision: string | undefined): string {
  return revision === undefined ? "" : ` at revision ${formatDecimal(revision)}`;
}

function absence(revision: string | undefined, wasSeen: boolean): string {
  if (revision !== undefined) return `This key did not exist${atRevision(revision)}`;
  return wasSeen ? "This key has been deleted" : "This key does not exist";
}

function DetailSkeleton() {
  return (
    <section aria-busy="true" aria-label="Reading the key" className="flex flex-col gap-4 p-4">
      <Skeleton className="h-5 w-3/5" />
      <div className="grid grid-cols-4 gap-4">
        {["a", "b", "c", "d"].map((fact) => (
          <Skeleton key={fact} className="h-9" />
        ))}
      </div>
      <Skeleton className="h-64" />
      <Waiting>Waiting for the cluster to answer</Waiting>
    </section>
  );
}
