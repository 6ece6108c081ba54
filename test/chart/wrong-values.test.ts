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
  [{ postgresql: { password: "S3cret" } }, /postgresql\.password: expected 12 or more letters/],
  [
    { minio: { ...keys("an-access-key"), secretKey: "S3cret" } },
    /minio\.secretKey: expected 12 to 40 letters/,
  ],
  [{ redis: { password: "S3cret@/ of the Redis" } }, /redis\.password: expected 12 or more letters/],
  [{ "redis-ha": { redisPassword: "S3cret" } }, /redis\.password: expected 12 or more letters/],
  [{ redis: { password: "example-password" } }, /redis\.password: expected a value of your own/],
  [
    { workers: { celery: { BROKER_URL: "redis://:S3cret@redis/0" } } },
    /workers\.celery\.BROKER_URL: expected a URL/,
  ],
  [{ minio: { accessKey: "an-access-key" } }, /minio\.accessKey, minio\.secretKey: expected both/],
  [
    { uploadObjectStore: keys("the-same-key"), downloadObjectStore: keys("the-same-key") },
    /downloadObjectStore\.accessKey: expected another one than uploadObjectStore\.accessKey/,
  ],
  [
    { minio: keys("the-same-key"), uploadObjectStore: keys("the-same-key") },
    /uploadObjectStore\.accessKey: expected another one than minio\.accessKey/,
  ],
  [
    { credentials: { existingSecret: "ours" }, redis: { password: "given-as-well" } },
    /redis\.password: expected no value, because credentials\.existingSecret/,
  ],
  // Incompatible values
  [{ postgresql: { enabled: false } }, /postgresql\.external\.host: expected a value/],
  [
    { redis: { enabled: false, external: { server: "redis.example.org" } } },
    /redis\.external\.existingSecret: expected a value/,
  ],
  [{ api: { ingress: { enabled: true } } }, /api\.domain: expected a host name/],
  [
    { workers: { autoscaling: { enabled: true, minReplicas: 5, maxReplicas: 2 } } },
    /workers\.autoscaling\.maxReplicas: expected 5 or more/,
  ],
  [
    { workers: { terminationGracePeriodSeconds: 60 } },
    /workers\.terminationGracePeriodSeconds: expected 100 or more/,
  ],
  [{ workers: { replicas: 100 } }, /postgresql\.settings\.max_connections: expected \d+ or more/],
  [{ api: { nginx: { buffer: { size: "1Gi" } } } }, /api\.nginx\.buffer\.size: expected \d+ MiB or more/],
  [{ api: { service: { nodePort: 30_000 } } }, /api\.service\.nodePort: expected 0/],
  [
    { workers: { monitor: { ingress: { enabled: true } } } },
    /workers\.monitor\.ingress\.enabled: expected false/,
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
