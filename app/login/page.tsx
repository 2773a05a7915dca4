import type { Metadata } from "next";
import { LoginForm } from "@/components/login/login-form";
import { ReturnSignedIn } from "@/components/login/return-signed-in";
import { BrandMark } from "@/components/shell/brand";
import { localPath } from "@/lib/browser/local-path";

export const metadata: Metadata = { title: "Sign in" };

interface LoginPageProps {
  searchParams: Promise<{ callbackUrl?: string | string[] }>;
}

export default async function LoginPage({ searchParams }: LoginPageProps) {
  const { callbackUrl } = await searchParams;
  return (
    <main className="flex min-h-dvh flex-col items-center justify-center px-4 pb-[12vh]">
      <div className="w-full max-w-88">
        <BrandMark className="size-10" />
        <h1 className="pt-5 text-xl font-semibold tracking-tight">Sign in to Quorate</h1>
        <p className="pb-6 text-ink-2">The console of your etcd cluster.</p>
        <ReturnSignedIn next={localPath(callbackUrl)} />
        <LoginForm next={localPath(callbackUrl)} />
      </div>
    </main>
  );
}
