// All that the page knows, and how each event of the stream changes it. Nothing here touches the page.

/** Seconds of readings that are kept, a little more than the longest span that is shown. */
const KEPT_S = 3700;
/** Moments that are kept, and jobs: as the service does. */
const MOST_MOMENTS = 200;
const MOST_JOBS = 200;

/** How the line to the service is: `asking` until it first answers. */
export const LINKS = ["asking", "open", "lost", "key", "over"];

export class Model {
  constructor() {
    this.link = "asking";
    this.again_s = 0;
    this.lost_why = ""; // where the service answered, and would not have us
    this.keyWasWrong = false;
    this.ended = ""; // how the service ended, until one answers again
    this.heard_s = 0; // when the service last said something
    this.status = null;
    this.status_at_s = 0;
    this.jobs = new Map();
    this.older = new Map(); // jobs that are not among the latest, once they were asked for
    this.isWhole = false; // they were asked for
    this.series = new Map();
    this.moments = [];
    this.ahead_s = 0; // of the service's clock before this machine's
  }

  /** Now, on the service's clock. */
  now_s() {
    return Date.now() / 1000 + this.ahead_s;
  }

  /** Take an event of the stream; one that is not known is passed over. */
  take(name, content) {
    TAKERS[name]?.call(this, content);
    this.heard_s = this.now_s();
  }

  takeAll(all) {
    this.ahead_s = all.at - Date.now() / 1000;
    this.ended = "";
    for (const { job } of all.jobs) this.older.delete(job);
    this.jobs = new Map(all.jobs.map((job) => [job.job, job]));
    this.series = new Map(all.series.map((one) => [seriesKey(one), { ...one, points: [...one.points] }]));
    this.moments = all.moments;
    this.takeStatus(all.status);
  }

  takeStatus(status) {
    this.status = { ...this.status, ...status };
    this.status_at_s = this.now_s();
  }

  takeJob(job) {
    if (this.older.has(job.job)) {
      this.older.set(job.job, job);
      return;
    }
    this.jobs.set(job.job, job);
    if (this.jobs.size <= MOST_JOBS) return;
    const [oldest] = this.jobs.values();
    this.jobs.delete(oldest.job);
    if (this.isWhole) this.older.set(oldest.job, oldest);
  }

  /** Whether the service may have jobs that nobody told us of. */
  get hasOlder() {
    return this.jobs.size >= MOST_JOBS && !this.isWhole;
  }

  /** Every job that is known, oldest first. */
  get everyJob() {
    return [...this.older.values(), ...this.jobs.values()];
  }

  /** Take all that `jobs/list` says, oldest first; what is told of the latest says more of them. */
  takeList(views) {
    const others = views.filter((view) => !this.jobs.has(view.job));
    this.older = new Map(others.map((view) => [view.job, jobOf(view, this.older.get(view.job))]));
    this.isWhole = true;
  }

  takeMoment(moment) {
    this.moments.push(moment);
    if (this.moments.length > MOST_MOMENTS) this.moments.shift();
  }

  takeReading(reading) {
    const { point, ...facts } = reading;
    const before = this.series.get(seriesKey(reading));
    const points = before?.points ?? [];
    points.push(point);
    while (points[0][0] < point[0] - KEPT_S) points.shift();
    this.series.set(seriesKey(reading), { ...facts, points });
    this.ahead_s = Math.max(this.ahead_s, point[0] - Date.now() / 1000);
  }

  /** It is over: there is no child, nobody mends anything, and what was true of them is not any more. */
  takeOver({ state = "stopped" }) {
    this.link = "over";
    this.ended = state;
    if (this.status === null) return;
    const none = { child: null, children: [], health: [], policies: [], job: null, queue: 0, ready: false, why: "" };
    this.status = { ...this.status, ...none };
  }
}

/** A job as it is told, of what `jobs/list` says: that has no name before there are files. */
function jobOf({ outputs, error, ...view }, before) {
  const name = before?.name || (outputs[0] ?? "").split("/").at(-1);
  return { ...view, name, has_error: error !== undefined, is_audible: false, progress: null };
}

/** What takes each event of the stream. */
const TAKERS = {
  all: Model.prototype.takeAll,
  status: Model.prototype.takeStatus,
  job: Model.prototype.takeJob,
  moment: Model.prototype.takeMoment,
  reading: Model.prototype.takeReading,
  over: Model.prototype.takeOver,
};

/** What tells one series from another. */
export function seriesKey(one) {
  return `${one.device}.${one.of}`;
}
