--- The misuse matrix in Lua: a callback does what it must not, and nobody else
-- is harmed. A process for each cell (run.py):
--
--     misuse.lua --list       names, and what is expected
--     misuse.lua NAME         plays that cell
--
-- There are no lanes in Lua, so the neighbour is asked before and after.
local lares = require "lares"

local cells = {}

local function cell(row, expected, play)
    cells[#cells + 1] = {name = row .. "/lua", expected = expected, play = play}
end

-- Tools ----------------------------------------------------------------------

local function equal(value, expected)
    if value ~= expected then
        error(("got %s, expected %s"):format(value, expected), 2)
    end
end

local function contains(text, part)
    if type(text) ~= "string" or not text:find(part, 1, true) then
        error(("%s does not contain %s"):format(text, part), 2)
    end
end

-- The call answered `nil, text, code`; return the text.
local function answers(code, value, text, got)
    if value ~= nil or got ~= code then
        error(("got %s, %s, %s, expected %s"):format(value, text, got, code), 2)
    end
    return text
end

-- Stage ----------------------------------------------------------------------

local stage = {acted = 0, broken = {}}

-- Fail as often as the cell says.
local function fail(method)
    local left = stage.broken[method] or 0
    stage.broken[method] = math.max(left - 1, 0)
    if left > 0 then error("no " .. method) end
end

-- A class that counts, and does what a cell says when the input is "bad", after
-- it has counted.
local Subject = lares.daemon "subject"

function Subject:init()
    fail "init"
    self.n = 0
end

function Subject:process(event)
    self.n = self.n + 1
    self:emit(tostring(self.n))
    if event.data ~= "bad" or event.replay then return nil end
    stage.acted = stage.acted + 1
    return stage.act(self, event)
end

function Subject:snapshot()
    fail "snapshot"
    return string.pack("<I8", self.n)
end

function Subject:restore(state)
    fail "restore"
    self.n = string.unpack("<I8", state)
end

local Neighbour = lares.daemon "neighbour"

function Neighbour:process(event) return event.data end

local function neighbour_answers()
    equal(stage.neighbour:deliver("x")[1].data, "x")
end

local function open(act)
    stage.act = act
    stage.node = assert(lares.node "east")
    stage.node:register(Neighbour)
    stage.node:register(Subject)
    stage.neighbour = assert(stage.node:spawn "neighbour")
    stage.subject = assert(stage.node:spawn("subject", {publish = "out"}))
    stage.out = assert(stage.node:subscribe "out")
    neighbour_answers()
end

local function close()
    neighbour_answers()
    assert(stage.node:close())
end

-- The next outputs of the subject.
local function comes(...)
    local events = {}
    for _, expected in ipairs {...} do
        if events[1] == nil then events = assert(stage.out:next(8)) end
        equal(table.remove(events, 1).data, expected)
    end
    equal(#events, 0)
end

local function turn(data, ...)
    assert(stage.subject:deliver(data))
    comes(...)
end

local function row()
    for _, facts in ipairs(stage.node:report "daemons") do
        if facts.origin == stage.subject.origin then return facts end
    end
end

-- Bad turns leave nothing behind: neither for who delivered it, nor after three
-- attempts from the mailbox.
local function dropped(name, part, act)
    cell(name, "turn dropped, a letter at the third attempt, its text kept",
        function()
            open(act)
            turn("a", "1")
            contains(answers("ECALLBACK", stage.subject:deliver "bad"), part)
            answers("ETIMEDOUT", stage.out:next(0))
            turn("b", "2")
            stage.subject:send "bad"
            stage.subject:send "c"
            comes "3"
            equal(stage.acted, 1 + 3)
            local letters = stage.node:letters()
            equal(#letters, 1)
            contains(letters[1].text, part)
            equal(row().sequence, 3)
            equal(row().diverged, 0)
            close()
        end)
end

-- Answers --------------------------------------------------------------------

dropped("raises", "naïve", function() error "naïve" end)
dropped("raises a table", "error of type table", function() error {} end)
dropped("raises in __close", "while closing", function()
    local guard <close> = setmetatable({},
        {__close = function() error "while closing" end})
end)
dropped("recurses for ever", "stack overflow", function()
    local function forever() return 1 + forever() end
    return forever()
end)
dropped("yields", "attempt to yield", function() coroutine.yield() end)
dropped("answers 0", "returned number", function() return 0 end)
dropped("answers a boolean", "returned boolean", function() return true end)
dropped("answers its event", "returned userdata",
    function(_, event) return event end)
dropped("answers an array with a number", "an array with a number at 2",
    function() return {"a", 7} end)
dropped("emits a number", "string expected, got number",
    function(self) self:emit(7) end)
dropped("answers 64 MiB", "67108864 bytes",
    function() return ("x"):rep(1 << 26) end)
dropped("answers 10^6 outputs", "1024", function()
    local many = {}
    for i = 1, 1000000 do many[i] = "x" end
    return many
end)
dropped("emits 10^6 outputs", "1024", function(self)
    for _ = 1, 1000000 do self:emit "x" end
end)

-- Sending, delivering, stopping ----------------------------------------------

cell("sends to itself", "queued", function()
    open(function() assert(stage.subject:send "again") end)
    assert(stage.subject:deliver "bad")
    stage.node:run(0)
    comes("1", "2")
    close()
end)

cell("delivers to itself, to others", 'nil, text, "EDEADLK"', function()
    open(function()
        answers("EDEADLK", stage.subject:deliver "x")
        answers("EDEADLK", stage.neighbour:deliver "x")
    end)
    turn("bad", "1")
    close()
end)

cell("stops itself", "its turn commits, then it ends", function()
    open(function() assert(stage.subject:stop()) end)
    turn("bad", "1")
    assert(stage.subject:stop())
    answers("ECLOSED", stage.subject:send "x")
    close()
end)

cell("stops a sibling being listed", "the sibling ends, it goes on", function()
    local sibling
    open(function()
        for _, facts in ipairs(stage.node:report "daemons") do
            if facts.name == "sibling" then
                assert(stage.node:find(facts.origin):stop(0))
            end
        end
        sibling = nil
        collectgarbage()
    end)
    sibling = assert(stage.node:spawn("neighbour", {name = "sibling"}))
    turn("bad", "1")
    stage.node:run(0)
    equal(#stage.node:report "daemons", 2)
    turn("b", "2")
    close()
end)

cell("stops its node", "the node ends after its turn", function()
    open(function() assert(stage.node:stop(0)) end)
    assert(stage.subject:deliver "bad")
    equal(stage.node:run(8), true)
    comes "1"
end)

cell("forgets its node", "the node ends after its turn", function()
    open(function()
        stage.node = nil
        collectgarbage()
        collectgarbage()
    end)
    assert(stage.subject:deliver "bad")
    comes "1"
    answers("ECLOSED", stage.subject:send "x")
end)

-- Recovery handlers ----------------------------------------------------------

-- Register one handler in a registry of its own.
local function registry(handler)
    open(function() end)
    local recovery = lares.recovery()
    recovery:register(function() return handler(recovery) end)
    return recovery
end

cell("a handler registers another", "the next pass sees it", function()
    local recovery = registry(function(own)
        if #own == 1 then own:register(function() return 99 end) end
        return 7
    end)
    equal(#recovery:run(), 1)
    equal(#recovery:run(), 2)
    close()
end)

cell("a handler removes itself", "what it reported counts, it is gone",
    function()
        open(function() end)
        local recovery = lares.recovery()
        local function handler()
            assert(recovery:remove(handler))
            return 7
        end
        recovery:register(handler)
        equal(#recovery:run(), 1)
        equal(#recovery, 0)
        equal(#recovery:run(), 0)
        close()
    end)

cell("a handler raises", "evicted, and why stands in the report", function()
    local recovery = registry(function() error "beyond repair" end)
    equal(#recovery:run(), 0)
    equal(#recovery, 0)
    contains(recovery:report()[1].text, "beyond repair")
    close()
end)

cell("a handler runs a pass", "nothing more is run", function()
    local nested
    local recovery = registry(function(own)
        nested = #own:run()
        return 7
    end)
    equal(#recovery:run(), 1)
    equal(nested, 0)
    close()
end)

cell("a handler stops its node", "the node ends after its pass", function()
    open(function() end)
    stage.node.recovery:register(function() assert(stage.node:stop(0)) end)
    equal(stage.node:run(8), true)
end)

-- Keeping --------------------------------------------------------------------

cell("keeps the event and the daemon", "both are dead, and raise", function()
    local daemon, kept
    open(function(self, event) daemon, kept = self, event end)
    turn("bad", "1")
    local ok, text = pcall(function() return kept.data end)
    equal(ok, false)
    contains(text, "this event is over")
    ok, text = pcall(daemon.emit, daemon, "ghost")
    equal(ok, false)
    contains(text, "emit works inside process only")
    turn("b", "2")
    close()
end)

-- State ----------------------------------------------------------------------

cell("fails in snapshot", "ESNAPSHOT; the daemon is as it was", function()
    open(function() end)
    turn("a", "1")
    stage.broken.snapshot = 1
    contains(answers("ESNAPSHOT", stage.subject:snapshot()), "no snapshot")
    turn("b", "2")
    assert(stage.subject:snapshot())
    close()
end)

cell("fails in restore", "ERESTORE; no zombie, identity free", function()
    open(function() end)
    turn("a", "1")
    local image = assert(stage.subject:snapshot())
    local options = {identity = stage.subject.identity}
    assert(stage.subject:stop())
    stage.broken.restore = 1
    contains(answers("ERESTORE", stage.node:restore(image, options)),
        "no restore")
    equal(#stage.node:report "daemons", 1)
    stage.subject = assert(stage.node:restore(image, options))
    turn("b", "2")
    close()
end)

cell("fails in its constructor", "no zombie, identity free", function()
    open(function() end)
    local options = {identity = lares.key()}
    stage.broken.init = 1
    contains(answers("ECALLBACK", stage.node:spawn("subject", options)),
        "no init")
    equal(#stage.node:report "daemons", 2)
    assert(stage.node:spawn("subject", options))
    close()
end)

for _, method in ipairs {"restore", "init"} do
    cell(("fails in %s, rebuilt"):format(method), "tried again; state kept",
        function()
            open(function() error "boom" end)
            turn("a", "1")
            assert(stage.subject:snapshot())
            stage.broken[method] = 2
            answers("ECALLBACK", stage.subject:deliver "bad")
            contains(row().error, "no " .. method)
            stage.subject:send "b"
            comes "2"
            equal(row().rebuilds, 1)
            close()
        end)
end

-- The program ----------------------------------------------------------------

for _, one in ipairs(cells) do
    if arg[1] == "--list" then print(one.name .. ": " .. one.expected) end
    if arg[1] == one.name then
        one.play()
        os.exit(true, true)
    end
end
os.exit(arg[1] == "--list", true)
