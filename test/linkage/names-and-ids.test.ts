import test from "ava";
import { candidateFileName, candidateFilePrefix } from "../../src/linkage/candidate-file-names.js";
import { taskIdOf } from "../../src/linkage/task-id.js";

test("candidate file names fit into the database column for any ids", (t) => {
  for (const id of ["", "x".repeat(1000), "6ff0d7a4-8f0b-4f4e-9a43-1e4b1c1a1c11"]) {
    const name = candidateFileName(id, id);
    t.regex(name, /^similarity-scores\/[0-9a-f]{48}\.bin$/);
    t.true(name.length <= 70);
  }
});

test("a run's candidate files share a prefix that no other run has", (t) => {
  const prefix = candidateFilePrefix("run a");
  t.true(candidateFileName("run a", "task 1").startsWith(prefix));
  t.true(candidateFileName("run a", "task 2").startsWith(prefix));
  t.not(candidateFileName("run a", "task 1"), candidateFileName("run a", "task 2"));
  t.false(candidateFileName("run b", "task 1").startsWith(prefix));
});

test("task ids are UUIDs derived from owner and name", (t) => {
  const id = taskIdOf("run a", "task");
  t.regex(id, /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  t.is(taskIdOf("run a", "task"), id);
  const others = [taskIdOf("run a", "other"), taskIdOf("run b", "task"), taskIdOf("run", " atask")];
  t.is(new Set([id, ...others]).size, 4);
});
