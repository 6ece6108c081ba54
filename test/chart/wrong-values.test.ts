import test from "ava";
import { tryToRender, type Values } from "./rendered-chart.js";

const keys = (accessKey: string) => ({ accessKey, secretKey: "a-long-secret-key" });

/** Invalid values that an operator may set, and the expected error. */
const WRONG: readonly (readonly [Values, RegExp])[] = [
  // Misspelled keys
  [{ worker: {} }, /'worker' not allowed/],
  [{ workers: { replica: 3 } }, /'\/workers': additional properties 'replica'/],
  [
    { workers: { resources: { limit: { cpu: 1 } } } },
    /'\/workers\/resources': additional properties 'limit'/,
  ],
  [{ workers: { chunk_size_aim: 100 } }, /'\/workers': additional properties 'chunk_size_aim'/],
  [{ api: { ingres: { enabled: true } } }, /'\/api': additional properties 'ingres'/],
  // Wrong types, and values out of range
  [{ api: { replicas: "two" } }, /'\/api\/replicas': got string, want integer/],
  [{ api: { replicas: -1 } }, /'\/api\/replicas': minimum/],
  [{ workers: { CHUNK_SIZE_AIM: "many" } }, /'\/workers\/CHUNK_SIZE_AIM'/],
  [{ workers: { CHUNK_SIZE_AIM: 0 } }, /'\/workers\/CHUNK_SIZE_AIM': minimum/],
  [{ workers: { celery: { ACKS_LATE: "perhaps" } } }, /'\/workers\/celery\/ACKS_LATE'/],
  [{ workers: { tolerations: { key: "spot" } } }, /'\/workers\/tolerations': got object, want array/],
  [{ encodingStore: "table" }, /'\/encodingStore': value must be one of 'packed', 'tables'/],
  [{ image: { pullPolicy: "Sometimes" } }, /'\/image\/pullPolicy'/],
  [{ redis: { appendfsync: "no" } }, /'\/redis\/appendfsync'/],
  [{ minio: { bucket: "Not_A_Bucket" } }, /'\/minio\/bucket'/],
  [{ minio: { external: { server: "https://s3.example.org" } } }, /'\/minio\/external\/server'/],
  [{ postgresql: { storage: { size: "much" } } }, /'\/postgresql\/storage\/size'/],
  [{ uploadObjectStore: { stsDuration: 60 } }, /'\/uploadObjectStore\/stsDuration': minimum/],
  [{ api: { nginx: { MAX_BODY_SIZE: "10GB" } } }, /'\/api\/nginx\/MAX_BODY_SIZE'/],
  [{ config: { lower_case: "x" } }, /'lower_case'/],
  // Invalid passwords, or passwords in a place that everyone can read
  [{ postgresql: { password: "S3cret" } }, /Set postgresql\.password to a string of at least 12 letters/],
  [
    { minio: { ...keys("an-access-key"), secretKey: "S3cret" } },
    /Set minio\.secretKey to a string of 12 to 40 letters/,
  ],
  [
    { redis: { password: "S3cret@/ of the Redis" } },
    /Set redis\.password to a string of at least 12 letters/,
  ],
  [{ "redis-ha": { redisPassword: "S3cret" } }, /Set redis\.password to a string of at least 12 letters/],
  [{ redis: { password: "example-password" } }, /Replace the example value of redis\.password/],
  [
    { workers: { celery: { BROKER_URL: "redis://:S3cret@redis/0" } } },
    /Set workers\.celery\.BROKER_URL to a redis:\/\/, rediss:\/\/, or sentinel:\/\/ URL without credentials/,
  ],
  [{ minio: { accessKey: "an-access-key" } }, /Set both minio\.accessKey and minio\.secretKey/],
  [
    { uploadObjectStore: keys("the-same-key"), downloadObjectStore: keys("the-same-key") },
    /Set uploadObjectStore\.accessKey and downloadObjectStore\.accessKey to different values/,
  ],
  [
    { minio: keys("the-same-key"), uploadObjectStore: keys("the-same-key") },
    /Set minio\.accessKey and uploadObjectStore\.accessKey to different values/,
  ],
  [
    { credentials: { existingSecret: "ours" }, redis: { password: "given-as-well" } },
    /Set either redis\.password or credentials\.existingSecret, not both/,
  ],
  // Incompatible values
  [{ postgresql: { enabled: false } }, /Set postgresql\.external\.host, or set postgresql\.enabled to true/],
  [
    { redis: { enabled: false, external: { server: "redis.example.org" } } },
    /Set redis\.external\.existingSecret, or set redis\.enabled to true/,
  ],
  [{ api: { ingress: { enabled: true } } }, /Set api\.domain or api\.ingress\.hosts/],
  [
    { workers: { autoscaling: { enabled: true, minReplicas: 5, maxReplicas: 2 } } },
    /Increase workers\.autoscaling\.maxReplicas from 2 to at least workers\.autoscaling\.minReplicas \(5\)/,
  ],
  [
    { workers: { terminationGracePeriodSeconds: 60 } },
    /Increase workers\.terminationGracePeriodSeconds from 60 to at least 100/,
  ],
  [{ workers: { replicas: 100 } }, /Increase postgresql\.settings\.max_connections from 200 to at least \d+/],
  [
    { api: { nginx: { buffer: { size: "1Gi" } } } },
    /Increase api\.nginx\.buffer\.size from 1Gi to at least \d+Mi/,
  ],
  [{ api: { service: { nodePort: 30_000 } } }, /Set api\.service\.nodePort to 0/],
  [
    { workers: { monitor: { ingress: { enabled: true } } } },
    /or set workers\.monitor\.ingress\.enabled to false/,
  ],
];

for (const [values, message] of WRONG) {
  test(`rejects ${JSON.stringify(values)}`, (t) => {
    const { code, stdout, stderr } = tryToRender(values);
    t.not(code, 0);
    t.is(stdout, "");
    t.regex(stderr, message);
    t.false(stderr.includes("S3cret"), "no password in what may end in a log");
  });
}
