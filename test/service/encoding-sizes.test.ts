import test from "ava";
import { encodingSizes } from "./contract/encoding-sizes.js";
import { startEmbedded } from "./embedded.js";
import { holdsContracts } from "./test-service.js";

holdsContracts(test, "embedded", startEmbedded, [encodingSizes]);
