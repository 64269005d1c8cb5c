import { describeFlowStore } from './flow-store-conformance.ts';
import { openTestStore, temporaryDirectory } from './test-store.ts';

let directory: ReturnType<typeof temporaryDirectory>;

describeFlowStore('DuckDB and Parquet', {
  create() {
    directory = temporaryDirectory();
    return openTestStore(directory.path);
  },
  async reopen(store) {
    await store.close();
    return openTestStore(directory.path);
  },
  async destroy(store) {
    await store.close();
    directory.remove();
  },
});
