import { tree } from "../harness/console-pages.ts";
import { expect, fillSignIn, test } from "../harness/console-test.ts";
import { KeyClient } from "../harness/key-client.ts";
import { ClusterProcess, etcdctl } from "../harness/member-process.ts";
import { QuorateProcess } from "../harness/quorate-process.ts";
import { ETCD_35 } from "../harness/tools.ts";

// What a newcomer sees: a cluster that nobody has written to.

test.use({ storageState: { cookies: [], origins: [] }, expectedErrors: [/status of 401/] });

test("an empty key space says how to write, and shows the first key by itself", async ({
  page,
  make,
}) => {
  test.slow();
  const cluster = await ClusterProcess.start({ make, size: 1 });
  const own = await QuorateProcess.start({ endpoints: cluster.endpoints });
  try {
    await page.goto(`${own.url}/keys`);
    await fillSignIn(page);
    await expect(page.getByText("The key space is empty")).toBeVisible();
    const command = `etcdctl --endpoints=${cluster.endpoints} put hello world`;
    await expect(page.getByText(command)).toBeVisible();
    const { code } = await etcdctl(ETCD_35, cluster.endpoints, command.split(" ").slice(2));
    expect(code).toBe(0);
    await expect(tree(page).getByRole("treeitem", { name: "hello" })).toBeVisible();
    await expect(page.getByText("Select a key")).toBeVisible();

    // It follows what is written only as long as there is nothing to look at.
    const client = new KeyClient(cluster.endpoints);
    await client.put("second", "key");
    client.close();
    await expect(page.getByText("1 newer")).toBeVisible();
    await expect(tree(page).getByRole("treeitem")).toHaveCount(1);
    await page.goto(`${own.url}/keys?revision=1`);
    await expect(page.getByText("No key was there at revision 1.")).toBeVisible();
    await expect(page.getByRole("button", { name: "Create the first key" })).toHaveCount(0);
  } finally {
    await page.goto("about:blank");
    await own.stop();
    await cluster.stop();
  }
});
