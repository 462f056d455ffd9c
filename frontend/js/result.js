// The page of a result: it grows while its router answers, and what can be pointed at or switched.
import { startFollowing } from "./lib/follow.js";
import { startLive } from "./lib/live.js";
import { startViews } from "./lib/views.js";

startViews();
startFollowing();
startLive();
