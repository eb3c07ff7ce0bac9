--- Images: taken, restored, refused.
local lares = require "lares"
local check = require "check"

local function deliver(daemon, data)
    return assert(daemon:deliver(data or "x"))[1]
end

-- Make a node with this class.
local function node_with(class)
    local node = check.node()
    assert(node:register(class))
    return node
end

-- A daemon of this class that has counted to ten, and its ten outputs.
local function ten(class, options)
    local daemon = assert(node_with(class):spawn(class.kind, options))
    local events = {}
    for i = 1, 10 do events[i] = deliver(daemon) end
    return daemon, events
end

-- id: S01
check.test("a counter at 10 goes on as 11 on another node, in one chain",
    function()
        local class = check.counter()
        local daemon, events = ten(class, {name = "east-one"})
        local image = daemon:snapshot()
        check.equal(image:sub(1, 4), "LARS")
        check.equal(daemon:stop(), true)
        local node = node_with(class)
        local again = assert(node:restore(image,
            {identity = daemon.identity}))
        check.equal(again.origin, daemon.origin)
        check.equal(check.row(node, again).name, "east-one")
        events[11] = deliver(again)
        check.equal(events[11].data, "11")
        check.equal(events[11].sequence, 11)
        check.equal(events[11].parent, events[10].hash)
        local chain = lares.chain(daemon.origin)
        for _, event in ipairs(events) do
            check.equal(chain:check(event), true)
        end
    end)

check.test("a snapshot changes nothing", function()
    local daemon = ten(check.counter())
    local first = daemon:snapshot()
    check.equal(#daemon:snapshot(), #first)
    check.equal(deliver(daemon).data, "11")
end)

check.test("argument, subscriptions and channel travel", function()
    local class = check.class("tagged", function(self, event)
        return self.argument .. event.data
    end)
    local daemon = node_with(class):spawn("tagged",
        {argument = "a:", subscribe = {"ticks"}, publish = "out"})
    daemon:subscribe("shared.*", "pool")
    local image = daemon:snapshot()
    daemon:stop()
    local node = node_with(class)
    local inbox = node:subscribe "out"
    assert(node:restore(image))
    node:publish("ticks", "1")
    node:publish("shared.x", "2")
    node:run(0)
    local events = inbox:next(0)
    check.equal(#events, 2)
    check.equal(events[1].data, "a:1")
    check.equal(events[2].data, "a:2")
end)

check.test("options of restore replace those of the image", function()
    local class = check.class("tagged", function(self)
        return self.argument
    end)
    local daemon = node_with(class):spawn("tagged", {argument = "old"})
    local image = daemon:snapshot()
    daemon:stop()
    local node = node_with(class)
    local function refused(options)
        return check.raises("EOPTION", node.restore, node, image, options)
    end
    check.contains(refused {subscribe = {"ticks"}}, "subscribe")
    check.contains(refused {publish = "out"}, "publish")
    check.contains(refused {colour = "red"}, "colour")
    local again = node:restore(image, {argument = "new", name = "other"})
    check.equal(deliver(again).data, "new")
    check.equal(check.row(node, again).name, "other")
end)

-- id: S02
check.test("a daemon that cannot snapshot has an image without a state",
    function()
        local class = check.class("counter", function(self)
            self.n = (self.n or 0) + 1
            return tostring(self.n)
        end)
        local daemon, events = ten(class)
        local image = daemon:snapshot()
        daemon:stop()
        local again = node_with(class):restore(image)
        local event = deliver(again)
        check.equal(event.data, "1")
        check.equal(event.sequence, 11)
        check.equal(event.parent, events[10].hash)
    end)

-- id: S02
check.test("no bytes at all are a state", function()
    for _, empty in ipairs {"", {}, {"", ""}} do
        local got
        local class = check.counter()
        function class:snapshot() return empty end
        function class:restore(state) got = state end
        local daemon = ten(class)
        local image = daemon:snapshot()
        daemon:stop()
        assert(node_with(class):restore(image))
        check.equal(got, "")
    end
end)

check.test("a state may come in pieces", function()
    local got
    local class = check.counter()
    function class:snapshot() return {"a", "b\0", ("c"):rep(100000)} end
    function class:restore(state) got = state end
    local daemon = ten(class)
    local image = daemon:snapshot()
    daemon:stop()
    assert(node_with(class):restore(image))
    check.equal(got, "ab\0" .. ("c"):rep(100000))
end)

-- Take an image by this method of a counter at ten, which fails, and return
-- the text; the counter is as it was.
local function failure(snapshot)
    local class = check.counter()
    class.snapshot = snapshot
    local daemon = ten(class)
    local text = check.answers("ESNAPSHOT", daemon:snapshot())
    check.equal(deliver(daemon).data, "11")
    check.equal(deliver(daemon).sequence, 12)
    return text
end

-- id: S03
check.test("a snapshot that fails is no image, and says why", function()
    local text = failure(function() error "no room" end)
    check.contains(text, "no room")
    check.contains(failure(function() error {} end), "error of type table")
    check.contains(failure(function() end),
        "counter.snapshot returned nil, expected a string or an array")
    check.contains(failure(function() return 7 end), "returned number")
    check.contains(failure(function() return true end), "returned boolean")
    check.contains(failure(function(self) return self end),
        "returned a table with the key")
    check.contains(failure(function() return {"a", 7} end),
        "returned an array with a number at 2")
    check.contains(failure(function() return {"a", x = "b"} end),
        "returned a table with the key x")
    check.contains(failure(function(self) self:emit "x" return "" end),
        "emit works inside process only")
    check.contains(failure(function(self) self:after(1) return "" end),
        "after works inside init and process only")
    check.contains(failure(function() coroutine.yield() end),
        "attempt to yield")
end)

check.test("a method that goes after registration is missed by name",
    function()
        local class = check.counter()
        local daemon = ten(class)
        class.snapshot = nil
        check.contains(check.answers("ESNAPSHOT", daemon:snapshot()),
            "counter.snapshot is nil, expected a function")
    end)

-- id: S03
check.test("a state over snapshot.max is ETOOBIG", function()
    local class = check.counter()
    function class:snapshot() return ("x"):rep(100000) end
    local daemon = ten(class, {snapshot_max = 65536})
    check.raises("ETOOBIG", daemon.snapshot, daemon)
    check.equal(deliver(daemon).data, "11")
end)

check.test("a restore that fails leaves nothing behind", function()
    local class = check.counter()
    local daemon = ten(class)
    local image = daemon:snapshot()
    daemon:stop()
    local node = node_with(class)
    local restore = class.restore
    local function refused(method)
        class.restore = method
        local text = check.answers("ERESTORE", node:restore(image))
        check.equal(#node:report "daemons", 0)
        check.answers("ENOTFOUND", node:find(daemon.origin))
        return text
    end
    check.contains(refused(function() error "not mine" end), "not mine")
    check.contains(refused(function() error {} end), "error of type table")
    check.contains(refused(function(self) self:emit "x" end), "emit works")
    check.contains(refused(function(self) self:after(1) end), "after works")
    check.contains(refused(nil), "counter.restore is nil")
    class.restore = restore
    class.init = function() error "no start" end
    check.contains(check.answers("ECALLBACK", node:restore(image)),
        "no start")
    class.init = function() end
    check.equal(deliver(assert(node:restore(image))).data, "11")
end)

check.test("an image is refused where it does not belong", function()
    local class = check.counter()
    local daemon = ten(class)
    local image = daemon:snapshot()
    local other = check.node()
    check.answers("EKIND", other:restore(image))
    other:register(check.class("counter", print))
    check.answers("ESTATELESS", other:restore(image))
    local node = node_with(class)
    check.answers("EIDENTITY", node:restore(image, {identity = lares.key()}))
    check.answers("EFORMAT", node:restore "")
    check.answers("EFORMAT", node:restore(image .. "x"))
    local last = string.char(image:byte(-1) ~ 1)
    check.answers("EDIGEST", node:restore(image:sub(1, -2) .. last))
    check.raises("string expected", node.restore, node)
    check.raises("lares.key", node.restore, node, image, {identity = "seed"})
end)

check.test("an identity lives once on a node", function()
    local class = check.counter()
    local node = node_with(class)
    local daemon = node:spawn "counter"
    local image = daemon:snapshot()
    check.answers("EEXIST", node:restore(image))
    daemon:stop()
    assert(node:restore(image)):stop()
    check.answers("ESTALE", node:restore(image))
    check.answers("ESTALE",
        node:spawn("counter", {identity = daemon.identity}))
end)

check.test("without its secret an image restores nothing", function()
    local class = check.counter()
    local daemon = node_with(class):spawn "counter"
    local seed, image = daemon.identity:seed(), daemon:snapshot()
    local node = node_with(class)
    daemon:stop()
    daemon = nil
    for _ = 1, 3 do collectgarbage() end
    check.answers("EKEY", node:restore(image))
    local again = assert(node:restore(image, {identity = lares.key(seed)}))
    check.equal(deliver(again).data, "1")
end)

-- A counter of version 2, which writes its count as text.
local function younger()
    local class = lares.daemon("counter", {version = 2})
    class.process = check.counter().process
    function class:snapshot() return ("%d"):format(self.n) end
    function class:restore(state) self.n = math.tointeger(state) end
    return class
end

check.test("an older state goes through upgrade", function()
    local daemon = ten(check.counter())
    local image = daemon:snapshot()
    daemon:stop()
    local class = younger()
    local versions = {}
    function class:upgrade(version, state)
        versions[#versions + 1] = version
        return ("%d"):format(string.unpack("<I8", state))
    end
    local again = node_with(class):restore(image)
    check.equal(deliver(again).data, "11")
    image = again:snapshot()
    again:stop()
    check.equal(deliver(node_with(class):restore(image)).data, "12")
    check.equal(table.concat(versions, " "), "0")
end)

check.test("an older state is refused without upgrade, or by it", function()
    local daemon = ten(check.counter())
    local image = daemon:snapshot()
    daemon:stop()
    local class = younger()
    local node = node_with(class)
    local function refused()
        return check.answers("ERESTORE", node:restore(image))
    end
    check.contains(refused(),
        "the state has version 0, and counter, of version 2, has no upgrade")
    class.upgrade = function() end
    check.contains(refused(), "counter.upgrade returned nil, expected a string")
    class.upgrade = function() return {"1"} end
    check.contains(refused(), "counter.upgrade returned table")
    class.upgrade = function() error "too old" end
    local text = refused()
    check.contains(text, "too old")
    check.equal(#node:report "daemons", 0)
end)

check.test("a younger state is EVERSION", function()
    local class = younger()
    class.init = function(self) self.n = 0 end
    local daemon = node_with(class):spawn "counter"
    local image = daemon:snapshot()
    daemon:stop()
    check.answers("EVERSION", node_with(check.counter()):restore(image))
end)

-- id: LU04
check.test("after a restore ids are exact and events end", function()
    local kept, origin
    local class = check.counter()
    function class:process(event)
        kept, origin = event, event.origin
        return lares.hex(self.origin)
    end
    for i = 1, 4 do
        local node = node_with(class)
        local daemon = node:spawn("counter",
            {identity = lares.key(string.char(i):rep(32))})
        local image = daemon:snapshot()
        daemon:stop()
        local again = node:restore(image)
        check.equal(again.origin, daemon.origin)
        check.equal(deliver(again).data, lares.hex(daemon.origin))
        check.equal(math.type(origin), "integer")
        check.raises("this event is over", function() return kept.data end)
    end
end)

check.test("inside a callback a snapshot is EDEADLK, a restart only asks",
    function()
        local class = check.counter()
        local daemon, snapshot, restart
        function class:process(event)
            snapshot = select(3, daemon:snapshot())
            restart = event.replay or daemon:restart()
            self.n = self.n + 1
            return tostring(self.n)
        end
        local node = node_with(class)
        daemon = node:spawn "counter"
        check.equal(deliver(daemon).data, "1")
        check.equal(snapshot, "EDEADLK")
        check.equal(restart, true)
        node:run(0)
        check.equal(deliver(daemon).data, "2")
    end)

check.test("an image of a daemon that has ended is ECLOSED", function()
    local daemon = ten(check.counter())
    daemon:stop()
    check.answers("ECLOSED", daemon:snapshot())
    check.answers("ECLOSED", daemon:restart())
end)

-- Handing on -----------------------------------------------------------------

check.test("what a daemon had accepted is in its last image", function()
    local class = check.counter()
    local node = node_with(class)
    local inbox = node:subscribe "counts"
    local daemon = node:spawn("counter",
        {subscribe = {"ticks"}, publish = "counts"})
    for _ = 1, 100 do assert(node:publish("ticks", "x")) end
    for _ = 1, 100 do assert(daemon:send "x") end
    check.equal(daemon.epoch, 1)
    local image = assert(daemon:retire())
    check.equal(daemon.epoch, 1)
    check.answers("ECLOSED", daemon:send "x")
    check.answers("ECLOSED", daemon:retire(0))
    check.equal(#node:letters(), 0)
    local chain = lares.chain(daemon.origin)
    for event in inbox:events(0) do assert(chain:check(event)) end
    local second = node_with(class)
    inbox = second:subscribe "counts"
    local again = assert(second:restore(image))
    check.equal(again.epoch, 2)
    check.equal(deliver(again).data, "201")
    for event in inbox:events(0) do
        assert(chain:check(event))
        check.equal(event.sequence, 201)
    end
end)

check.test("without an image a daemon has ended all the same", function()
    local class = check.counter()
    function class:snapshot() error "no state" end
    local node = node_with(class)
    local daemon = node:spawn "counter"
    check.contains(check.answers("ESNAPSHOT", daemon:retire()), "no state")
    check.answers("ECLOSED", daemon:retire())
    check.equal(check.row(node, daemon), nil)
    check.raises("negative", daemon.retire, daemon, -1)
end)

check.test("inside a callback a retirement is EDEADLK", function()
    local code
    local other
    local daemon, node = check.daemon(function()
        code = select(3, other:retire())
    end)
    node:register(check.counter())
    other = node:spawn "counter"
    daemon:deliver "x"
    check.equal(code, "EDEADLK")
    check.equal(deliver(other).data, "1")
end)

check.test("an image says whose it is, and when it was taken", function()
    local class = check.counter()
    local daemon = ten(class, {name = "east-one", publish = "out",
        subscribe = {"b", "a.*"}, argument = "x"})
    local image = daemon:snapshot()
    local row = lares.image_report(image)[1]
    check.equal(row.origin, daemon.origin)
    check.equal(row.name .. " " .. row.kind .. " " .. row.publish,
        "east-one counter out")
    check.equal(row.epoch, 1)
    check.equal(row.sequence, 10)
    check.equal(row.arrival, 10)
    check.equal(row.state_bytes, 8)
    check.equal(os.time() - row.time // 1000000000 < 60, true)
    local patterns = lares.image_report(image, "subscriptions")
    check.equal(#patterns, 2)
    check.equal(patterns[1].pattern, "a.*")
    local options = lares.image_report(image, "options")
    check.equal(#options, 1)
    check.equal(options[1].key .. "=" .. options[1].value, "argument=x")
    check.answers("ENOTFOUND", lares.image_report(image, "picture"))
    check.answers("EFORMAT", lares.image_report(image:sub(1, -2)))
    check.raises("string", lares.image_report, nil)
end)

return check.run()
