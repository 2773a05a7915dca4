"use client";

import { getSession } from "next-auth/react";
import { useEffect } from "react";

/**
 * The session's cookie is SameSite=Strict: a link in a mail or a chat arrives without it, and leads
 * here although the visitor is signed in. Our own request does carry it, and then goes on.
 */
export function ReturnSignedIn({ next }: { next: string }) {
  useEffect(() => {
    let isLeft = false;
    const goOn = async () => {
      const session = await getSession({ broadcast: false });
      if (session !== null && !isLeft) window.location.replace(next);
    };
    void goOn();
    return () => {
      isLeft = true;
    };
  }, [next]);
  return null;
}
