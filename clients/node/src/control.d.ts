/** What each command of the control surface takes, by its name. `make docs` writes this file. */
export interface ControlRequests {
  /** Follow the changes of a workspace as server-sent events. */
  "changes": {
    workspace?: string;
  };
  /** Show the time. */
  "clock": Record<string, never>;
  /** Move the clock forward by a step. */
  "clock.advance": {
    /** the step: 10m, 1h30m, or seconds */
    duration?: string | number;
    /** days to move forward */
    days?: number;
    /** hours to move forward */
    hours?: number;
    /** minutes to move forward */
    minutes?: number;
    /** seconds to move forward */
    seconds?: number;
    /** milliseconds to move forward */
    milliseconds?: number;
  };
  /** Move the clock forward to a moment. */
  "clock.advance_to": {
    /** ISO 8601 with a zone */
    moment: string;
  };
  /** Move the clock to the next event. */
  "clock.advance_to_next_event": Record<string, never>;
  /** Stop the clock. */
  "clock.freeze": Record<string, never>;
  /** Move the clock until a generation has a status. */
  "clock.run_until": {
    /** the generation's id */
    generation: string;
    /** the status to wait for */
    status: "completed" | "failed";
  };
  /** Set the rate of the clock. */
  "clock.scale": {
    /** clock seconds per real second */
    rate: number;
  };
  /** Copy the workspace to another key. */
  "fork": {
    /** the key of the copy */
    key: string;
  };
  /** List the generations. */
  "generations": {
    status?: "pending" | "completed" | "failed";
    kind?: "image" | "video";
    model?: string;
    last?: number;
    skip?: number;
  };
  /** Show a generation without polling it. */
  "generations.show": {
    generation: string;
  };
  /** Complete a pending generation now. */
  "generations.complete": {
    generation: string;
  };
  /** Fail a pending generation now. */
  "generations.fail": {
    generation: string;
    /** the error's code, such as server_error, content_policy_violation, invalid_parameter */
    code?: string;
    /** the error's message (default: the documented one of the code) */
    message?: string;
  };
  /** Return the file of a completed generation without a download in the journal. */
  "generations.file": {
    generation: string;
  };
  /** Keep a generation pending until a command ends it. */
  "generations.hold": {
    generation: string;
  };
  /** Return a small picture of a completed generation. */
  "generations.thumbnail": {
    generation: string;
  };
  /** List exchanges. */
  "journal": {
    operation?: string;
    status?: number;
    generation?: string;
    since?: string;
    until?: string;
    after?: number;
    last?: number;
  };
  /** Delete all exchanges. */
  "journal.clear": Record<string, never>;
  /** Count exchanges. */
  "journal.count": {
    operation?: string;
    status?: number;
    generation?: string;
    since?: string;
    until?: string;
    after?: number;
  };
  /** Export exchanges as HAR or NDJSON. */
  "journal.export": {
    operation?: string;
    status?: number;
    generation?: string;
    since?: string;
    until?: string;
    after?: number;
    format?: "har" | "ndjson";
    number?: number;
  };
  /** Follow the exchanges as server-sent events. */
  "journal.tail": {
    operation?: string;
    status?: number;
    generation?: string;
    since?: string;
    until?: string;
    after?: number;
  };
  /** List exchanges in a few fields each, with the control commands in between. */
  "journal.timeline": {
    operation?: string;
    status?: number;
    generation?: string;
    since?: string;
    until?: string;
    after?: number;
    last?: number;
    before?: number;
  };
  /** Wait for exchanges. */
  "journal.wait": {
    /** its operation, such as videos.create; globs such as videos.* */
    operation?: string;
    /** the status of its answer */
    status?: number;
    /** the generation it made, polled or downloaded */
    generation?: string;
    /** not before this time of the workspace's clock */
    since?: string;
    /** not after this time of the workspace's clock */
    until?: string;
    /** only with a higher number */
    after?: number;
    /** the number of exchanges to wait for (1) */
    count?: number;
    /** real seconds (10) */
    timeout?: number;
  };
  /** Show one exchange. */
  "journal.show": {
    number: number;
  };
  /** Show the money. */
  "ledger": {
    last?: number;
  };
  /** Set the balance. */
  "ledger.set": {
    /** opening balance of every workspace in US dollars */
    balance: string | number;
  };
  /** Add to the balance. */
  "ledger.top_up": {
    /** opening balance of every workspace in US dollars */
    amount: string | number;
  };
  /** Show the rate limits. */
  "limits": Record<string, never>;
  /** Change rate limits. */
  "limits.set": {
    /** image requests per window */
    image_rpm?: string | number;
    /** video requests per window */
    video_rpm?: string | number;
    /** concurrent generations */
    concurrent?: string | number;
    /** length of a rate window */
    rate_window?: string | number;
  };
  /** List the rules for files of your own. */
  "media": Record<string, never>;
  /** Deliver a file of your own, or one of a folder, in new generations. */
  "media.add": {
    /** a path on the fake's machine: PNG, JPEG, WebP, MP4, or a folder */
    file?: string;
    /** only for prompts in which this pattern occurs */
    prompt?: string;
    /** only for this model; a glob such as seedance-* */
    model?: string;
    /** only for this operation */
    on?: "images.generate" | "videos.create";
  };
  /** Remove the workspace's rules for files of your own. */
  "media.clear": Record<string, never>;
  /** Remove a rule for files of your own. */
  "media.remove": {
    rule: string;
  };
  /** List the models. */
  "models": {
    type?: "image" | "video";
  };
  /** Send one request to the API as the client of the workspace. */
  "requests.send": {
    /** GET or POST */
    method: "GET" | "POST";
    /** path and query, beginning with /v2/ */
    path: string;
    /** the JSON body of a POST */
    body?: Record<string, unknown>;
  };
  /** Replace the workspace by an empty one. */
  "reset": Record<string, never>;
  /** Restore a snapshot. */
  "restore": {
    /** the state of a snapshot */
    state: Record<string, unknown>;
  };
  /** List the active rules. */
  "scenarios": Record<string, never>;
  /** Add a named scenario, a list of rules, or one rule made of the other fields. */
  "scenarios.add": {
    /** a shipped scenario; other fields change its rules */
    name?: string;
    /** your own rules; other fields change them */
    rules?: Array<Record<string, unknown>>;
    [name: string]: unknown;
  };
  /** Remove every rule. */
  "scenarios.clear": Record<string, never>;
  /** List the shipped scenarios. */
  "scenarios.shipped": Record<string, never>;
  /** List the words that a rule is made of. */
  "scenarios.words": Record<string, never>;
  /** Show a rule. */
  "scenarios.show": {
    rule: string;
  };
  /** Remove a rule. */
  "scenarios.remove": {
    rule: string;
  };
  /** Exchange the control token for a cookie, for the page. */
  "session": {
    /** the control token */
    token: string;
  };
  /** Show the settings of the workspace. */
  "settings": Record<string, never>;
  /** Change settings of the workspace. */
  "settings.change": {
    /** duration of an image generation: 30, 20..60, lognormal(28, 35), or a latency file */
    image_seconds?: string | number;
    /** duration of a video generation, likewise (default: by model and length) */
    video_seconds?: string | number;
    /** share of the videos that fail */
    fail_rate?: string | number;
    /** how long a file can be downloaded */
    retention?: string | number;
    /** when a generation is charged */
    charge_at?: string | number;
  };
  /** Take a snapshot. */
  "snapshot": Record<string, never>;
  /** Show how new generations will end. */
  "transitions": Record<string, never>;
  /** Set how new generations end; keys as in a scenario's transition. */
  "transitions.set": {
    /** only for this model; a glob such as seedance-* */
    model?: string;
    [name: string]: unknown;
  };
  /** Remove the rules for new generations. */
  "transitions.clear": Record<string, never>;
  /** Set how the next generation ends. */
  "transitions.next": {
    [name: string]: unknown;
  };
  /** Judge the client of the workspace by the client contract. */
  "verdict": Record<string, never>;
  /** Show the workspace. */
  "workspace": Record<string, never>;
  /** List the workspaces of all keys. */
  "workspaces": Record<string, never>;
}
