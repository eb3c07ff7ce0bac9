--- What a failed turn leaves behind: nothing.
local lares = require "lares"
local check = require "check"

local function deliver(daemon, data)
    return assert(daemon:deliver(data or "x"))[1]
end

-- Make a node with a daemon of this class.
local function spawn(class, options)
    local node = check.node()
    assert(node:register(class))
    return assert(node:spawn(class.kind, options)), node
end

-- id: B01
check.test("a counter that counts, then fails, goes on as if it had not",
    function()
        local daemon, node = spawn(check.counter())
        local chain = lares.chain(daemon.origin)
        check.equal(deliver(daemon).data, "1")
        check.answers("ECALLBACK", daemon:deliver "bad")
        local event = deliver(daemon)
        check.equal(event.data, "2")
        check.equal(event.sequence, 2)
        local row = check.row(node, daemon)
        check.equal(row.rebuilds, 1)
        check.equal(row.state, "RUNNING")
        check.answers("EGAP", chain:check(event))
    end)

check.test("what cannot snapshot keeps its object", function()
    local class = check.counter()
    class.snapshot, class.restore = nil, nil
    local daemon, node = spawn(class)
    deliver(daemon)
    check.answers("ECALLBACK", daemon:deliver "bad")
    check.equal(deliver(daemon).data, "3")
    check.equal(check.row(node, daemon).rebuilds, 0)
end)

check.test("a rebuild makes a new object, restores, and shows what was done",
    function()
        local story = {}
        local function tell(...)
            story[#story + 1] = table.concat({...}, " ")
        end
        local class = check.counter()
        local process, restore = class.process, class.restore
        function class:init()
            self.n = 0
            tell("init", self.argument)
        end
        function class:restore(state)
            restore(self, state)
            tell("restore", self.n)
        end
        function class:process(event)
            tell(event.data, tostring(event.replay))
            return process(self, event)
        end
        function class:close() tell("close", self.n) end
        local daemon, node = spawn(class, {argument = "!", publish = "out"})
        local inbox = node:subscribe "out"
        deliver(daemon, "a")
        daemon:snapshot()
        deliver(daemon, "b")
        deliver(daemon, "c")
        check.answers("ECALLBACK", daemon:deliver "bad")
        check.equal(table.concat(story, ", "),
            "init !, a false, b false, c false, bad false, "
            .. "close 4, init !, restore 1, b true, c true")
        check.equal(#inbox:next(0), 3)
        check.answers("ETIMEDOUT", inbox:next(0))
        check.equal(deliver(daemon).data, "4")
    end)

check.test("a letter after three attempts costs no state", function()
    local world = lares.world(1)
    local node = world:node "east"
    node:register(check.counter())
    local daemon = node:spawn("counter", {subscribe = {"ticks"},
        publish = "out"})
    local inbox = node:subscribe "out"
    for _, data in ipairs {"a", "bad", "c"} do node:publish("ticks", data) end
    world:run(1)
    local events = inbox:next(0)
    check.equal(#events, 2)
    check.equal(events[2].data, "2")
    check.equal(events[2].parent, events[1].hash)
    check.equal(#node:letters(), 1)
    local row = check.row(node, daemon)
    check.equal(row.rebuilds, 3)
    check.equal(row.diverged, 0)
end)

check.test("restart rebuilds a daemon, and opens its gate", function()
    local world = lares.world(1)
    local node = world:node "east"
    local made, broken = 0, false
    local class = check.counter()
    function class:init()
        made, self.n = made + 1, 0
        if broken then error "no start" end
    end
    node:register(class)
    local daemon = node:spawn "counter"
    deliver(daemon)
    check.equal(daemon:restart(), true)
    world:run_idle()
    check.equal(made, 2)
    check.equal(deliver(daemon).data, "2")
    broken = true
    daemon:restart()
    world:run(2)
    check.answers("EDOWN", daemon:deliver("x", 0))
    broken = false
    daemon:restart()
    world:run_idle()
    check.equal(deliver(daemon).data, "3")
end)

-- Break one method of a counter at 2 while it is rebuilt; mend it, and see that
-- nothing is lost.
local function breaks(method, text)
    local world = lares.world(1)
    local node = world:node "east"
    local broken = false
    local class = check.counter()
    local whole = class[method]
    class[method] = function(self, event)
        if broken and (method ~= "process" or event.replay) then
            error(text)
        end
        return whole(self, event)
    end
    node:register(class)
    local daemon = node:spawn("counter", {subscribe = {"ticks"}})
    deliver(daemon)
    assert(daemon:snapshot())
    deliver(daemon)
    broken = true
    node:publish("ticks", "bad")
    node:publish("ticks", "good")
    world:run(0.5)
    local row = check.row(node, daemon)
    check.equal(row.state, "BACKOFF")
    check.equal(row.failures > 1, true)
    check.contains(row.error, text)
    check.equal(row.queued, 2)
    check.equal(#node:letters(), 0)
    broken = false
    world:run(30)
    check.equal(check.row(node, daemon).state, "RUNNING")
    check.equal(deliver(daemon).data, "4")
    check.equal(#node:letters(), 1)
end

-- id: B03
check.test("a rebuild that fails in init waits, and loses nothing", function()
    breaks("init", "no start")
end)

check.test("a rebuild that fails in restore waits, and loses nothing",
    function() breaks("restore", "not mine") end)

check.test("a rebuild that fails in a replay waits, and loses nothing",
    function() breaks("process", "not again") end)

check.test("a snapshot that fails is an error of its caller alone", function()
    local class = check.counter()
    local whole, broken = class.snapshot, true
    function class:snapshot()
        if broken then error "no room" end
        return whole(self)
    end
    local world = lares.world(1)
    local node = world:node "east"
    node:register(class)
    local daemon = node:spawn "counter"
    deliver(daemon)
    check.answers("ESNAPSHOT", daemon:snapshot())
    check.equal(check.row(node, daemon).failures, 0)
    broken = false
    assert(daemon:snapshot())
    check.answers("ECALLBACK", daemon:deliver "bad")
    check.equal(deliver(daemon).data, "2")
end)

-- id: B02
check.test("a daemon that looks elsewhere diverges, and goes on", function()
    local looks = 0
    local class = check.counter()
    function class:process(event)
        looks = looks + 1
        if event.data == "bad" then error "bad line" end
        return tostring(looks)
    end
    local daemon, node = spawn(class)
    local first = deliver(daemon)
    check.answers("ECALLBACK", daemon:deliver "bad")
    check.equal(check.row(node, daemon).diverged, 1)
    local second = deliver(daemon)
    check.equal(second.parent, first.hash)
    check.equal(second.sequence, 2)
end)

check.test("an object that was kept does not speak for the new one",
    function()
        local kept
        local class = check.counter()
        local process = class.process
        function class:process(event)
            local old = kept
            kept = kept or self
            if old ~= nil and old ~= self then
                check.raises("emit works", old.emit, old, "ghost")
            end
            return process(self, event)
        end
        local daemon = spawn(class)
        deliver(daemon)
        check.answers("ECALLBACK", daemon:deliver "bad")
        check.equal(deliver(daemon).data, "2")
        kept = nil
        collectgarbage()
        check.equal(deliver(daemon).data, "3")
    end)

check.test("a rebuild may be asked for from a coroutine that is gone",
    function()
        local daemon = spawn(check.counter())
        for i = 1, 3 do
            coroutine.wrap(function()
                check.equal(deliver(daemon).data, tostring(i))
                check.answers("ECALLBACK", daemon:deliver "bad")
            end)()
            collectgarbage()
        end
    end)

-- A random story against one in which the failing turns never happened ------

-- How a turn may fail, once it has begun.
local ways = {
    before = function() error "before" end,
    type = function() error {} end,
    number = function() return 7 end,
    key = function() return {"a", x = "b"} end,
    channel = function(self) self:emit("x", "a..b") end,
    close = function()
        local guard <close> = setmetatable({},
            {__close = function() error "while closing" end})
    end,
    coroutine = function()
        coroutine.wrap(function() error "inside" end)()
    end,
}
local names = {}
for name in pairs(ways) do names[#names + 1] = name end
table.sort(names)

-- A class whose state is all that it has seen. `plan` says of an input how many
-- attempts fail, and how; `done` gets those that were finished.
local function recorder(plan, done)
    local class = lares.daemon "recorder"
    function class:init() self.seen = {} end
    function class:process(event)
        local data = event.data
        local way = not event.replay and plan[data]
        local seen = self.seen
        seen[#seen + 1] = data
        self:emit(data .. "/" .. #seen)
        if way and way.times > 0 then
            way.times = way.times - 1
            return ways[way.name](self)
        end
        if not event.replay then done[#done + 1] = data end
        return {table.concat(seen, ",", math.max(1, #seen - 3)), data}
    end
    function class:snapshot()
        if plan.snapshot then error "no snapshot now" end
        return {#self.seen == 0 and "" or table.concat(self.seen, ",") .. ","}
    end
    function class:restore(state)
        for data in state:gmatch "([^,]*)," do
            self.seen[#self.seen + 1] = data
        end
    end
    return class
end

-- Make a node in a world of its own, and a recorder with an inbox.
local function stage(class)
    local stand = {world = lares.world(9)}
    stand.node = stand.world:node "east"
    stand.node:register(class)
    stand.daemon = stand.node:spawn("recorder", {
        identity = lares.key(("r"):rep(32)), subscribe = {"ticks"},
        publish = "out", batch = 5,
    })
    stand.inbox = stand.node:subscribe("out", {mailbox_count = 100000})
    return stand
end

local acts = {}

function acts.publish(stand, data) assert(stand.node:publish("ticks", data)) end

function acts.deliver(stand, data)
    stand.world:run(60) -- it is up, and all is done
    stand.daemon:deliver(data)
end

function acts.settle(stand) stand.world:run(60) end

function acts.snapshot(stand, _, plan)
    plan.snapshot = false
    stand.world:run(60)
    assert(stand.daemon:snapshot())
end

function acts.fail_snapshot(stand, _, plan)
    stand.world:run(60)
    plan.snapshot = true
    check.answers("ESNAPSHOT", stand.daemon:snapshot())
    plan.snapshot = false
end

function acts.restart(stand) stand.daemon:restart() end

function acts.move(stand)
    stand.world:run(60)
    local image = assert(stand.daemon:snapshot())
    assert(stand.daemon:stop())
    stand.daemon = assert(stand.node:restore(image))
end

local menu = {
    "publish", "publish", "publish", "publish", "publish", "publish",
    "publish", "deliver", "deliver", "settle", "snapshot", "fail_snapshot",
    "restart", "move",
}

local function outputs(stand)
    local events = {}
    for event in stand.inbox:events(0) do events[#events + 1] = event end
    return events
end

-- Play a story with failures, and return its outputs and what was finished.
local function play(random, length)
    local plan, done = {}, {}
    local stand = stage(recorder(plan, done))
    for i = 1, length do
        local data = ("i%d"):format(i)
        if random(3) == 1 then
            plan[data] = {name = names[random(#names)], times = random(4)}
        end
        acts[menu[random(#menu)]](stand, data, plan)
    end
    stand.world:run(600)
    local row = check.row(stand.node, stand.daemon)
    check.equal(row.diverged, 0)
    return outputs(stand), done, row
end

-- The story in which nothing failed.
local function play_whole(done)
    local stand = stage(recorder({}, {}))
    for _, data in ipairs(done) do assert(stand.daemon:deliver(data)) end
    return outputs(stand)
end

local function story(seed)
    math.randomseed(seed)
    local events, done, row = play(math.random, 60)
    local whole = play_whole(done)
    local chain = lares.chain(row.origin)
    check.equal(#events, #whole)
    for i, event in ipairs(events) do
        check.equal(event.data, whole[i].data)
        check.equal(event.hash, whole[i].hash)
        check.equal(chain:check(event), true)
    end
    return row.rebuilds
end

check.test("after any failures state and chain are those of a run without",
    function()
        check.quickly(function()
            local rebuilds = 0
            for seed = 1, 100 do
                local ok, more = xpcall(story, debug.traceback, seed)
                if not ok then error(("seed %d: %s"):format(seed, more), 0) end
                rebuilds = rebuilds + more
            end
            check.equal(rebuilds > 500, true)
        end)
    end)

return check.run()
