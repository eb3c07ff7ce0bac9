local lares = require "lares"
local check = require "check"

local function outputs(events)
    local data = {}
    for i, event in ipairs(events) do data[i] = event.data end
    return table.concat(data, ",")
end

-- Deliver to a daemon that fails, and return the text.
local function failure(process)
    local daemon = check.daemon(process)
    return check.answers("ECALLBACK", daemon:deliver "x")
end

check.test("nil emits nothing, a string one output, an array each", function()
    local result
    local daemon = check.daemon(function() return result end)
    check.equal(#daemon:deliver "x", 0)
    result = ""
    check.equal(outputs(daemon:deliver "x"), "")
    result = {"a", "b\0c", ""}
    check.equal(outputs(daemon:deliver "x"), "a,b\0c,")
    result = {}
    check.equal(#daemon:deliver "x", 0)
end)

-- id: V03
check.test("any other result fails and names the type", function()
    check.contains(failure(function() return 7 end),
        "subject.process returned number, expected nil, a string or an array")
    check.contains(failure(function() return true end), "returned boolean")
    check.contains(failure(function(_, event) return event end),
        "returned userdata")
    check.contains(failure(function() return {"a", 7} end),
        "returned an array with a number at 2")
end)

check.test("no item of a table is dropped in silence", function()
    check.contains(failure(function() return {text = "a"} end),
        "subject.process returned a table with the key text, expected nil")
    check.contains(failure(function() return {"a", x = "b"} end),
        "returned a table with the key x")
    check.contains(failure(function() return {"a", [1.5] = "b"} end),
        "returned a table with the key 1.5")
    check.contains(failure(function() return {"a", [0] = "b"} end),
        "returned a table with the key 0")
    check.contains(failure(function() return {"a", [print] = "b"} end),
        "returned a table with a function for a key")
    local holes = failure(function() return {"a", nil, "c"} end)
    check.equal(holes:find "key 3" ~= nil or holes:find "nil at 2" ~= nil, true)
    local daemon = check.daemon(function() return {[2] = "b", [1] = "a"} end)
    check.equal(outputs(daemon:deliver "x"), "a,b")
end)

check.test("a failed turn emits nothing, and the next works", function()
    local fail = true
    local daemon, node = check.daemon(function(self)
        self:emit "first"
        if fail then error "no" end
        return "second"
    end, {publish = "out"})
    local inbox = node:subscribe "out"
    check.answers("ECALLBACK", daemon:deliver "x")
    check.answers("ETIMEDOUT", inbox:next(0))
    fail = false
    check.equal(outputs(daemon:deliver "x"), "first,second")
    check.equal(daemon:deliver("x")[1].sequence, 3)
end)

-- id: LU02
check.test("an error value of any type becomes text", function()
    check.contains(failure(function() error "naïve" end), "naïve")
    check.contains(failure(function() error(7) end), "7")
    check.contains(failure(function() error(nil) end), "error of type nil")
    check.contains(failure(function() error {} end), "error of type table")
    check.contains(failure(function() error(print) end),
        "error of type function")
    check.contains(failure(function()
        error(setmetatable({}, {__tostring = function() return "called" end}))
    end), "error of type table")
end)

check.test("an error in __close becomes the text", function()
    check.contains(failure(function()
        local guard <close> = setmetatable({}, {
            __close = function() error "while closing" end,
        })
        error "before"
    end), "while closing")
    check.contains(failure(function()
        local guard <close> = setmetatable({}, {
            __close = function() error {} end,
        })
        return "done"
    end), "error of type table")
end)

check.test("the text has frames, innermost first, none of the caller",
    function()
        local function inner() error "deep" end
        local function outer() inner() end
        local daemon, node = check.daemon(function() outer() end, {
            subscribe = {"ticks"},
        })
        check.answers("ECALLBACK", daemon:deliver "x")
        node:publish("ticks", "x")
        node:run(0)
        node:run(0.2)
        local text = node:report("letters")[1].text
        check.contains(text, "deep\n")
        check.contains(text, "test_process.lua:")
        check.contains(text, " inner\n")
        check.contains(text, " outer\n")
        check.contains(text, " process")
        check.equal(text:find "run_one", nil)
    end)

check.test("an error in __close has no frames of the caller either", function()
    local function inner() error "while closing" end
    local text = failure(function()
        local guard <close> = setmetatable({}, {__close = inner})
        error "before"
    end)
    check.contains(text, "while closing\n")
    check.equal(select(2, text:gsub("\n", "")), 1)
    check.equal(text:find "run_one", nil)
end)

check.test("at most eight frames, and a stack overflow is an error",
    function()
        local function dive(n)
            if n == 0 then error "bottom" end
            dive(n - 1)
            return n
        end
        local text = failure(function() dive(20) end)
        check.equal(select(2, text:gsub(" dive", "")) <= 8, true)
        local function forever() return 1 + forever() end
        check.quickly(function()
            check.contains(failure(function() forever() end),
                "stack overflow")
        end)
    end)

check.test("errors leave the stack even", function()
    local n = 0
    local daemon = check.daemon(function(_, event)
        n = n + 1
        if n % 2 == 1 then error({}) end
        return event.data
    end)
    for i = 1, check.many(2000) do
        local events, _, code = daemon:deliver "x"
        check.equal(events ~= nil or code, i % 2 == 0 or "ECALLBACK")
    end
end)

check.test("an input that cannot yield says so", function()
    check.contains(failure(function() coroutine.yield() end),
        "attempt to yield")
end)

check.test("a coroutine inside process works", function()
    local daemon = check.daemon(function(self, event)
        local step = coroutine.wrap(function()
            self:emit(event.data)
            coroutine.yield()
            self:emit(event.data .. "2")
        end)
        step()
        step()
    end)
    check.equal(outputs(daemon:deliver "x"), "x,x2")
end)

check.test("the event shows its fields", function()
    local seen
    local daemon, node = check.daemon(function(_, event)
        seen = {
            origin = event.origin, sequence = event.sequence,
            parent = event.parent, horizon = event.horizon,
            hash = event.hash, arrival = event.arrival,
            received_at = event.received_at, channel = event.channel,
            data = event.data, colour = event.colour, first = event[1],
            replay = event.replay,
        }
    end, {subscribe = {"ticks"}})
    node:publish("ticks", "payload")
    node:run(0)
    check.equal(seen.channel, "ticks")
    check.equal(seen.data, "payload")
    check.equal(seen.sequence, 1)
    check.equal(seen.arrival, 1)
    check.equal(math.type(seen.origin), "integer")
    check.equal(math.abs(seen.received_at / 1e9 - os.time()) < 60, true)
    check.equal(seen.colour, nil)
    check.equal(seen.first, nil)
    check.equal(seen.replay, false)
    daemon:deliver ""
    check.equal(seen.channel, nil)
    check.equal(seen.data, "")
    check.equal(seen.sequence, 2)
end)

-- id: LU04
check.test("an event is over when process returns", function()
    local kept
    local daemon = check.daemon(function(_, event) kept = event end)
    daemon:deliver "x"
    check.raises("this event is over", function() return kept.data end)
    check.raises("this event is over", function() return kept.sequence end)
end)

check.test("an event is read only and shows no insides", function()
    check.contains(failure(function(_, event) event.data = "y" end), "event")
    local daemon = check.daemon(function(_, event)
        return tostring(getmetatable(event))
    end)
    check.equal(outputs(daemon:deliver "x"), "lares.event")
end)

check.test("emit belongs to process", function()
    local object
    local class = check.class("subject", function(self) object = self end)
    class.init = function(self) self:emit "too early" end
    local node = check.node()
    node:register(class)
    local text = check.answers("ECALLBACK", node:spawn "subject")
    check.contains(text, "emit works inside process only")
    class.init = nil
    local daemon = node:spawn "subject"
    daemon:deliver "x"
    check.raises("emit works inside process only", object.emit, object, "late")
    check.raises("emit works inside process only", class.emit, {}, "nobody")
end)

check.test("emit belongs to the daemon whose turn it is", function()
    local node = check.node()
    local outer, text
    local inner = check.class("inner", function() end)
    function inner:init()
        text = check.raises("emit works", outer.emit, outer, "stray")
    end
    node:register(inner)
    node:register(check.class("outer", function(self)
        outer = self
        assert(node:spawn "inner")
        return "done"
    end))
    check.equal(outputs(node:spawn("outer"):deliver "x"), "done")
    check.contains(text, "inside process only")
end)

check.test("emit refuses what is no string", function()
    check.contains(failure(function(self) self:emit(7) end),
        "string expected, got number")
    check.contains(failure(function(self) self:emit() end),
        "string expected")
end)

check.test("emit names a channel", function()
    local daemon, node = check.daemon(function(self, event)
        self:emit(event.data, "side")
    end, {publish = "out"})
    local out, side = node:subscribe "out", node:subscribe "side"
    daemon:deliver "x"
    check.equal(side:next(0)[1].data, "x")
    check.answers("ETIMEDOUT", out:next(0))
    check.contains(failure(function(self) self:emit("x", "a..b") end), "ENAME")
end)

check.test("emit answers a quota, and the turn fails though it returns",
    function()
        local code
        local daemon = check.daemon(function(self)
            local ok, text
            repeat
                ok, text, code = self:emit "x"
            until not ok
        end)
        check.answers("ECALLBACK", daemon:deliver "x")
        check.equal(code, "EQUOTA")
    end)

check.test("init, argument and origin", function()
    local class = lares.daemon "subject"
    function class:init()
        self.greeting = self.argument .. "!" .. lares.hex(self.origin)
    end
    function class:process() return self.greeting end
    local node = check.node()
    node:register(class)
    local daemon = node:spawn("subject", {argument = "hello"})
    check.equal(daemon:deliver("")[1].data,
        "hello!" .. lares.hex(daemon.origin))
end)

-- id: V01
check.test("an argument reaches the daemon, and is bounded", function()
    local node = check.node()
    local class = check.class("subject", function(self)
        return self.argument
    end)
    node:register(class)
    check.equal(node:spawn("subject"):deliver("")[1].data, "")
    local long = ("ä"):rep(2048)
    local daemon = node:spawn("subject", {argument = long})
    check.equal(daemon:deliver("")[1].data, long)
    check.raises("ETOOBIG", node.spawn, node, "subject",
        {argument = long .. "x"})
end)

check.test("a failing init leaves nothing behind", function()
    local key = lares.key()
    local class = check.class("subject", function() end)
    class.init = function() error "no start" end
    local node = check.node()
    node:register(class)
    local text = check.answers("ECALLBACK",
        node:spawn("subject", {identity = key}))
    check.contains(text, "no start")
    check.answers("ENOTFOUND", node:find(key.origin))
    class.init = nil
    check.equal(node:spawn("subject", {identity = key}).origin, key.origin)
end)

check.test("close is called once, when the daemon ends", function()
    local closed = 0
    local class = check.class("subject", function() end)
    class.close = function() closed = closed + 1 end
    local node = check.node()
    node:register(class)
    local daemon = node:spawn "subject"
    node:spawn "subject"
    check.equal(daemon:stop(), true)
    check.equal(closed, 1)
    check.answers("ECLOSED", daemon:send "x")
    node:close()
    check.equal(closed, 2)
end)

check.test("what close raises harms nobody", function()
    local class = check.class("subject", function() end)
    class.close = function() error "no end" end
    local node = check.node()
    node:register(class)
    check.equal(node:spawn("subject"):stop(), true)
    check.equal(node:close(), true)
end)

check.test("process is bound as init leaves it", function()
    local class = lares.daemon "subject"
    class.process = print
    function class:init()
        self.process = function() return "own" end
    end
    local node = check.node()
    node:register(class)
    check.equal(node:spawn("subject"):deliver("")[1].data, "own")
end)

check.test("objects of one class share the class, not themselves", function()
    local class = lares.daemon "counter"
    function class:init() self.n = 0 end
    function class:process()
        self.n = self.n + 1
        return tostring(self.n)
    end
    local node = check.node()
    node:register(class)
    local a, b = node:spawn "counter", node:spawn "counter"
    a:deliver ""
    check.equal(a:deliver("")[1].data, "2")
    check.equal(b:deliver("")[1].data, "1")
end)

return check.run()
